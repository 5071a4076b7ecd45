"""Training of an encoder that starts from given weights: a linear probe, its upper stages, or all of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.contracts import Context
from ml.data.training_table import TrainingTable, class_balance
from ml.messages import Message
from ml.networks.encoders import PatchNetwork, stage_groups
from ml.training.logistic import fit_logistic
from ml.training.patch_trainer import Batch, PatchTrainer, weighted_cross_entropy
from ml.training.settings import EpochSettings
from ml.training.transfer import distance

PENALTIES = (0.01, 0.1, 1.0, 10.0, 100.0)
Prepare = Callable[[PatchNetwork, TrainingTable, Context], None]
Scratch = Callable[[TrainingTable, TrainingTable, Context], dict[str, float]]


class StagedSettings(EpochSettings, Protocol):
    """Settings of an encoder that starts from given weights and learns stage by stage."""

    @property
    def source(self) -> str:
        """Source of the weights."""
        ...

    @property
    def mode(self) -> str:
        """``full``, ``partial`` or ``linear probe``."""
        ...

    @property
    def trained(self) -> int:
        """Number of upper stages that learn in the mode ``partial``."""
        ...

    @property
    def decay(self) -> float:
        """Learning rate of a stage as a share of that of the stage above it."""
        ...

    @property
    def anchor(self) -> float:
        """Penalty on the distance from the initial weights."""
        ...

    @property
    def beside(self) -> bool:
        """Whether the same network is also trained from scratch."""
        ...


@dataclass(frozen=True)
class StagedTrainer:
    """Trains a network by the mode of the settings, after ``prepare`` has given the encoder its weights.

    ``scratch`` trains the same network from scratch with the same budget, and returns its figures.
    """

    trainer: PatchTrainer
    config: StagedSettings
    prepare: Prepare
    scratch: Scratch

    def train(self, network: nn.Module, learned: TrainingTable, held: TrainingTable, context: Context) -> int:
        """Prepare and train; return the number of epochs, 0 for a linear probe."""
        if not isinstance(network, PatchNetwork):
            raise TypeError
        self.prepare(network, learned, context)
        start = freeze_stages(network, self.config)
        if self.config.mode == "linear probe":
            self._probe(network, learned, held, context)
            epochs = 0
        else:
            loss = AnchoredLoss(self.config.anchor, start)
            staged = replace(self.trainer, loss=loss, groups=self._groups)
            epochs = staged.train(network, learned, held, context)
        state = self.trainer.predictor.state
        state.facts = {"source": self.config.source}
        if self.config.beside:
            own = self.trainer.predictor.scores(network, held.rows, context)
            state.facts |= {
                "held_out": held_out_figures(own, held),
                "from_scratch": self.scratch(learned, held, context),
            }
        return epochs

    def _groups(self, network: nn.Module) -> Sequence[Mapping[str, Any]]:
        """Return the head at the full learning rate, each stage below at a fraction of the next."""
        if not isinstance(network, PatchNetwork):
            raise TypeError
        return stage_groups(network, self.config.decay)

    def _probe(
        self, network: PatchNetwork, learned: TrainingTable, held: TrainingTable, context: Context
    ) -> None:
        """Fit the head alone by logistic regression on frozen features; its penalty by the held-out part."""
        predictor = self.trainer.predictor
        predictor.network.current = network.eval()
        rows = predictor.embed(learned.rows).astype(np.float64)
        mean, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-6
        weights = class_balance(learned)
        best = np.inf
        for penalty in PENALTIES:
            context.report(0.5, Message("fitting_head", penalty=float(penalty)))
            matrix = fit_logistic((rows - mean) / spread, learned.targets, weights, penalty)
            plain = matrix[:-1] / spread[:, None]
            head: Any = network.head
            before = {name: value.clone() for name, value in head.state_dict().items()}
            with torch.no_grad():
                head.weight.copy_(torch.from_numpy(plain.T))
                head.bias.copy_(torch.from_numpy(matrix[-1] - mean @ plain))
            loss = self.trainer.validation_loss(network, held, context)
            if loss < best:
                best = loss
            else:
                head.load_state_dict(before)


@dataclass(frozen=True)
class AnchoredLoss:
    """Cross-entropy, and a penalty on the distance of weights from their initial values ``start``."""

    anchor: float
    start: dict[str, Tensor] = field(default_factory=dict)

    def __call__(self, network: nn.Module, batch: Batch) -> Tensor:
        """Return the loss of a batch."""
        value = weighted_cross_entropy(network, batch)
        if self.anchor and self.start:
            value = value + self.anchor * distance(network, self.start)
        return value


def freeze_stages(network: PatchNetwork, config: StagedSettings) -> dict[str, Tensor]:
    """Freeze the stages of the mode; return copies of the weights of the others."""
    stages = len(network.encoder.stages)
    frozen = {"full": 0, "partial": max(0, stages - config.trained)}
    network.freeze(frozen.get(config.mode, stages))
    parts = network.encoder.named_parameters(prefix="encoder")
    return {name: weight.detach().clone() for name, weight in parts if weight.requires_grad}


def held_out_figures(scores: NDArray[np.float64], held: TrainingTable) -> dict[str, float]:
    """Return the accuracy of scores (n, k) on the held-out items with a certain class, and their number."""
    sure = held.truth >= 0
    right = scores[sure].argmax(axis=1) == held.truth[sure]
    return {"accuracy": float(right.mean()) if sure.any() else float("nan"), "n": int(sure.sum())}
