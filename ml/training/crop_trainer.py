"""Training of a network on crops of larger images."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from ml.contracts import Context
from ml.networks.model_network import ModelNetwork
from ml.storage.model_state import ModelState
from ml.training.crops import Material
from ml.training.loop import Progress, TrainingPlan, train
from ml.training.settings import TrainingSettings

STEPS_PER_EPOCH: Final = 25
HELD_OUT: Final = 0.15
VALIDATION_CROPS: Final = 24
Batch = tuple[Tensor, ...]
Draw = Callable[[np.random.Generator], Batch]
CropLoss = Callable[[nn.Module, Batch], Tensor]
T = TypeVar("T")


class CropSettings(TrainingSettings, Protocol):
    """Settings of training on crops."""

    @property
    def mpp(self) -> float | None:
        """Resolution at which pixels are read, µm/px; None reads the slide as it is."""
        ...

    @property
    def crop(self) -> int:
        """Side of a training crop, px."""
        ...

    @property
    def steps(self) -> int:
        """Number of training steps."""
        ...


@dataclass(frozen=True)
class CropTrainer:
    """Trains a new network on crops.

    ``average`` is the decay of the running mean of the weights, which is what is kept; none at zero.
    """

    state: ModelState
    config: CropSettings
    network: ModelNetwork[nn.Module]
    average: float = 0.0

    def train(
        self, learned: Sequence[Material], draw: Draw, loss: CropLoss, held: Batch, context: Context
    ) -> Progress:
        """Train on samples of ``draw``; keep the weights with the least loss on ``held``."""
        self.state.seed, self.network.device = context.seed, context.device
        network = self.network.fresh(context.seed)

        def batches(random: np.random.Generator) -> Iterator[Batch]:
            for _ in range(min(STEPS_PER_EPOCH, self.config.steps)):
                yield draw(random)

        def on_device(batch: Batch) -> Tensor:
            return loss(network, tuple(tensor.to(context.device) for tensor in batch))

        def validate() -> float:
            parts = zip(*(torch.split(tensor, self.config.batch) for tensor in held), strict=True)
            return float(np.mean([float(on_device(part)) for part in parts]))

        progress = train(
            network,
            batches=batches,
            loss=on_device,
            validate=validate,
            plan=self._plan(learned),
            context=context,
        )
        self.network.current = network
        return progress

    def toned(self, learned: Sequence[Material]) -> list[Material]:
        """Return the training material, with stain augmentation only where it is in colour."""
        return [replace(image, colour=not self.state.channels) for image in learned]

    def validation_crops(self) -> int:
        """Return the number of crops that validation looks at."""
        return min(VALIDATION_CROPS, 4 * self.config.batch)

    def _plan(self, learned: Sequence[Material]) -> TrainingPlan:
        document = [dict(self.state.settings), self.state.seed]
        total = hashlib.sha256(json.dumps(document, sort_keys=True).encode())
        for image in learned:
            for array in (image.pixels, *image.layers):
                total.update(np.ascontiguousarray(array).tobytes())
        epochs = max(1, round(self.config.steps / STEPS_PER_EPOCH))
        return TrainingPlan(
            epochs=epochs,
            steps=min(STEPS_PER_EPOCH, self.config.steps),
            minutes=self.config.minutes,
            learning_rate=self.config.learning_rate,
            patience=epochs,
            identity=total.hexdigest(),
            average=self.average,
        )


def hold_out(learned: Sequence[T], seed: int) -> tuple[list[T], list[T]]:
    """Return training and stopping material, where there is no validation part."""
    order = np.random.default_rng(seed).permutation(len(learned))
    count = min(len(learned) - 1, max(1, round(len(learned) * HELD_OUT)))
    if count < 1:
        return list(learned), list(learned)
    held = set(order[:count].tolist())
    return (
        [item for number, item in enumerate(learned) if number not in held],
        [item for number, item in enumerate(learned) if number in held],
    )
