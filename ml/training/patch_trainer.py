"""Training of a network on the pixels of labelled patches.

The parts of a training are functions: a recipe replaces those in which it differs, by
``dataclasses.replace`` where they depend on the training items.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ml.contracts import Context, Dataset
from ml.data.training_table import TrainingTable, class_balance
from ml.data.variation.patches import Augmentation, augment_patch
from ml.features.patch_sampler import Sampler, take_classes
from ml.inference.network_predictor import NetworkPredictor
from ml.storage.model_state import ModelState
from ml.training.logistic import CAUTION, fit_temperature
from ml.training.loop import TrainingPlan, train
from ml.training.settings import EpochSettings

USUAL: Final = Augmentation()
Batch = tuple[Tensor, Tensor, Tensor]
Importance = Callable[[TrainingTable], NDArray[np.float64]]
Order = Callable[[TrainingTable, np.random.Generator], NDArray[np.intp]]
Loss = Callable[[nn.Module, Any], Tensor]
ValidationLoss = Callable[[NDArray[np.float64], TrainingTable, NDArray[np.float64]], float]
Groups = Callable[[nn.Module], Sequence[Mapping[str, Any]]]


class Trainer(Protocol):
    """Trains a network in place."""

    def train(self, network: nn.Module, learned: TrainingTable, held: TrainingTable, context: Context) -> int:
        """Train on ``learned``, with early stopping on ``held``; return the number of epochs."""
        ...


class BatchMaker(Protocol):
    """Makes the batch of some items of a table, as the loss takes it."""

    def batch(
        self,
        known: TrainingTable,
        importance: NDArray[np.float64],
        chosen: NDArray[np.intp],
        random: np.random.Generator,
    ) -> Any:
        """Return the batch of the items ``chosen``, whose weights in the loss are ``importance``."""
        ...


@dataclass(frozen=True)
class AugmentedPatches:
    """Batches of augmented pixels, targets and weights."""

    predictor: NetworkPredictor
    how: Augmentation = USUAL

    @property
    def augmentation(self) -> Augmentation:
        """Return the augmentation for the dataset's channels, which have no stain, or for colours."""
        return self.how.of_channels() if self.predictor.state.channels else self.how

    def augmented(
        self, known: TrainingTable, chosen: NDArray[np.intp], random: np.random.Generator
    ) -> NDArray[np.uint8]:
        """Return the pixels of some items, each augmented by itself."""
        how = self.augmentation
        return np.stack([augment_patch(known.rows[i], random, how) for i in chosen])

    def batch(
        self,
        known: TrainingTable,
        importance: NDArray[np.float64],
        chosen: NDArray[np.intp],
        random: np.random.Generator,
    ) -> Batch:
        """Return augmented pixels, targets and weights of some items."""
        device = self.predictor.network.device
        return (
            self.predictor.pixels(self.augmented(known, chosen, random)),
            torch.from_numpy(known.targets[chosen]).float().to(device),
            torch.from_numpy(importance[chosen]).float().to(device),
        )


def weighted_cross_entropy(network: nn.Module, batch: Batch) -> Tensor:
    """Return the weighted mean cross-entropy of a batch."""
    pixels, targets, weights = batch
    return soft_cross_entropy(network(pixels), targets, weights)


def soft_cross_entropy(scores: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted mean cross-entropy of scores (n, k) with soft targets (n, k)."""
    logs = functional.log_softmax(scores, dim=1)
    return -(targets * logs).sum(dim=1).mul(weights).sum() / weights.sum()


def shuffled(learned: TrainingTable, random: np.random.Generator) -> NDArray[np.intp]:
    """Return each item of a table once, in random order."""
    return random.permutation(len(learned.rows))


def held_out_entropy(scores: NDArray[np.float64], held: TrainingTable, weights: NDArray[np.float64]) -> float:
    """Return the weighted cross-entropy of scores (n, k) on the held-out part."""
    logs = torch.log_softmax(torch.from_numpy(scores), dim=1).numpy()
    return float(-((held.targets * logs).sum(axis=1) * weights).sum() / weights.sum())


@dataclass(frozen=True)
class PatchTrainer:
    """Trains by epochs over augmented patches.

    ``importance`` returns the weight of each item in the loss, ``order`` the items of an epoch, ``groups``
    parameter groups with their rates. ``floor`` and ``average`` are those of ``TrainingPlan``.
    """

    predictor: NetworkPredictor
    config: EpochSettings
    batches: BatchMaker
    loss: Loss = weighted_cross_entropy
    importance: Importance = class_balance
    order: Order = shuffled
    validation: ValidationLoss = held_out_entropy
    groups: Groups | None = None
    floor: float = 0.0
    average: float = 0.0

    def train(self, network: nn.Module, learned: TrainingTable, held: TrainingTable, context: Context) -> int:
        """Train on ``learned``, with early stopping on ``held``; return the number of epochs."""
        importance = self.importance(learned)
        size = self.config.batch

        def batches(random: np.random.Generator) -> Iterator[Any]:
            order = self.order(learned, random)
            # A last batch of one patch has no variance to normalise by.
            for start in range(0, max(1, len(order) - 1), size):
                yield self.batches.batch(learned, importance, order[start : start + size], random)

        progress = train(
            network,
            batches=batches,
            loss=lambda batch: self.loss(network, batch),
            validate=lambda: self.validation_loss(network, held, context),
            plan=self.plan(learned, context),
            context=context,
            groups=self.groups(network) if self.groups is not None else None,
        )
        return progress.epoch

    def validation_loss(self, network: nn.Module, held: TrainingTable, context: Context) -> float:
        """Return the quantity that training minimises on the held-out part."""
        return self.validation(
            self.predictor.scores(network, held.rows, context), held, self.importance(held)
        )

    def plan(self, learned: TrainingTable, context: Context) -> TrainingPlan:
        """Return length and learning rate of the training."""
        return TrainingPlan(
            epochs=self.config.epochs,
            steps=steps_per_epoch(learned, self.config),
            minutes=self.config.minutes,
            learning_rate=self.config.learning_rate,
            patience=self.config.patience,
            identity=table_identity(self.predictor.state, learned, context),
            floor=self.floor,
            average=self.average,
        )


@dataclass(frozen=True)
class NetworkFitting:
    """Fits a network to a dataset: gathers patches, trains, and calibrates on the held-out part."""

    sampler: Sampler
    predictor: NetworkPredictor
    trainer: Trainer

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train on ``train``; stop and calibrate by ``validation``, or by a fifth when it is empty."""
        state, network = self.predictor.state, self.predictor.network
        take_classes(state, dataset, context)
        learned, held = self.sampler.material(dataset, context)
        network.device = context.device
        fresh = network.fresh(context.seed)
        epochs = self.trainer.train(fresh, learned, held, context)
        network.current = fresh
        calibrate(self.predictor, held, context)
        state.facts |= {"patches": len(learned.rows), "epochs": epochs}


def calibrate(predictor: NetworkPredictor, held: TrainingTable, context: Context) -> None:
    """Fit the temperature of a network on the held-out part."""
    scores = predictor.scores(predictor.network.fitted(), held.rows, context)
    predictor.state.temperature = fit_temperature(scores, held.targets, class_balance(held), CAUTION)


def steps_per_epoch(learned: TrainingTable, config: EpochSettings) -> int:
    """Return the number of batches that cover a table."""
    return math.ceil(len(learned.rows) / config.batch)


def table_identity(state: ModelState, learned: TrainingTable, context: Context) -> str:
    """Return a SHA-256 over training items, method and settings; a run with the same one is resumed."""
    total = hashlib.sha256(np.ascontiguousarray(learned.rows).tobytes())
    total.update(learned.targets.tobytes())
    total.update(json.dumps([state.recipe, dict(state.settings), context.seed], sort_keys=True).encode())
    return total.hexdigest()
