"""Training of a network over bags, bag by bag."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml.contracts import Context
from ml.data.bags import UNKNOWN, Bag, bags_identity
from ml.inference.bag_predictor import bag_tensors
from ml.messages import Message
from ml.networks.bags import BagNetwork
from ml.networks.model_network import ModelNetwork
from ml.storage.model_state import ModelState
from ml.training.bag_target import BagTarget
from ml.training.loop import TrainingPlan, train
from ml.training.settings import EpochSettings

LEAST_SPREAD = 1e-6
Batch = list[tuple[Bag, float]]


class BagSettings(EpochSettings, Protocol):
    """Settings of the training of a network over bags."""

    @property
    def tiles(self) -> int:
        """Largest number of tiles of a slide in one step."""
        ...


class Learner(Protocol):
    """Fits the predictor of a recipe for slides to bags."""

    def learn(self, learned: Sequence[Bag], held: Sequence[Bag], context: Context) -> None:
        """Train on bags; ``held`` are those for early stopping and model selection."""
        ...


class Trainer(Protocol):
    """Trains a network over bags in place."""

    def train(
        self, network: BagNetwork, learned: Sequence[Bag], held: Sequence[Bag], context: Context
    ) -> None:
        """Train on ``learned``, with early stopping on ``held``."""
        ...


class BagLoss(Protocol):
    """Losses of bags in training, and of held-out bags."""

    def batch_loss(self, network: BagNetwork, batch: Batch) -> Tensor:
        """Return the weighted mean loss of some bags."""
        ...

    def held_loss(self, network: BagNetwork, held: Sequence[Bag]) -> float:
        """Return the loss of held-out bags, by which training stops."""
        ...


@dataclass(frozen=True)
class LabelLoss:
    """The network's own loss of the label, and the class-balanced cross-entropy of held-out bags."""

    network: ModelNetwork[BagNetwork]
    target: BagTarget

    def bag_loss(self, network: BagNetwork, bag: Bag) -> Tensor:
        """Return the loss of one bag."""
        tiles, places = bag_tensors(bag, self.network.device)
        return network.loss(tiles, places, torch.tensor(bag.label, device=self.network.device))

    def batch_loss(self, network: BagNetwork, batch: Batch) -> Tensor:
        """Return the weighted mean loss of some bags."""
        total = torch.stack([weight * self.bag_loss(network, bag) for bag, weight in batch])
        return total.sum() / sum(weight for _, weight in batch)

    def held_loss(self, network: BagNetwork, held: Sequence[Bag]) -> float:
        """Return the class-balanced cross-entropy of held-out bags."""
        known = [bag for bag in held if bag.label != UNKNOWN]
        weights = self.target.importance(known)
        total = 0.0
        for bag, weight in zip(known, weights, strict=True):
            scores = network(*bag_tensors(bag, self.network.device)).scores
            total -= float(weight) * float(torch.log_softmax(scores, dim=0)[bag.label])
        return total / float(weights.sum())


@dataclass(frozen=True)
class BagTrainer:
    """Trains by epochs over the bags that state the answer.

    ``stages`` is the number of trainings that share the epochs and the time of the settings.
    """

    state: ModelState
    config: BagSettings
    target: BagTarget
    loss: BagLoss
    stages: int = 1

    def train(
        self, network: BagNetwork, learned: Sequence[Bag], held: Sequence[Bag], context: Context
    ) -> None:
        """Train on ``learned``, with early stopping on ``held``."""
        config = self.config
        known = [bag for bag in learned if self.target.counts(bag)]
        weights = self.target.importance(known)

        def batches(random: np.random.Generator) -> Iterator[Batch]:
            order = random.permutation(len(known))
            for start in range(0, len(order), config.batch):
                chosen = order[start : start + config.batch]
                yield [(known[i].sample(config.tiles, random), float(weights[i])) for i in chosen]

        progress = train(
            network,
            batches=batches,
            loss=lambda batch: self.loss.batch_loss(network, batch),
            validate=lambda: self.loss.held_loss(network, held),
            plan=self.plan(len(known), learned, context),
            context=context,
        )
        self.state.facts["epochs"] = progress.epoch

    def plan(self, count: int, learned: Sequence[Bag], context: Context) -> TrainingPlan:
        """Return the plan for epochs over ``count`` bags."""
        config, state = self.config, self.state
        document = [state.recipe, dict(state.settings), context.seed, bags_identity(learned)]
        return TrainingPlan(
            epochs=-(-config.epochs // self.stages),
            steps=math.ceil(count / config.batch),
            minutes=config.minutes / self.stages,
            learning_rate=config.learning_rate,
            patience=config.patience,
            identity=hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest(),
        )


@dataclass(frozen=True)
class StagedBagTrainer:
    """Trains several times; ``enter`` switches the network to each stage by its name."""

    trainer: BagTrainer
    stages: tuple[str, ...]
    enter: Callable[[BagNetwork, str], None]

    def train(
        self, network: BagNetwork, learned: Sequence[Bag], held: Sequence[Bag], context: Context
    ) -> None:
        """Train stage by stage, each with an equal share of the progress."""
        for number, name in enumerate(self.stages):
            self.enter(network, name)
            share = (number / len(self.stages), (number + 1) / len(self.stages))
            self.trainer.train(network, learned, held, stage_of(context, name, share))


@dataclass(frozen=True)
class NetworkLearner:
    """Creates a network for the features of the tiles, and trains it."""

    network: ModelNetwork[BagNetwork]
    trainer: Trainer

    def learn(self, learned: Sequence[Bag], held: Sequence[Bag], context: Context) -> None:
        """Train on bags; ``held`` are those for early stopping."""
        self.network.device = context.device
        network = scaled_network(self.network, learned, context)
        self.trainer.train(network, learned, held, context)
        self.network.current = network


def scaled_network(model: ModelNetwork[BagNetwork], learned: Sequence[Bag], context: Context) -> BagNetwork:
    """Return a new network with the scale of the features of some bags."""
    network = model.fresh(context.seed, learned[0].features.shape[1])
    mean, spread = scale_of(learned)
    network.mean.copy_(torch.from_numpy(mean))
    network.spread.copy_(torch.from_numpy(spread))
    return network


def stage_of(context: Context, name: str, share: tuple[float, float]) -> Context:
    """Return the context of one training stage: its own scratch space, progress between two shares."""
    low, high = share

    def report(progress: float, message: Message) -> None:
        context.report(low + (high - low) * progress, message)

    return replace(context, scratch=context.scratch / name, report=report)


def scale_of(bags: Sequence[Bag]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return mean and spread (d,) over all tiles; a constant feature has spread 1."""
    count, total, squares = 0, 0.0, 0.0
    for bag in bags:
        rows = np.nan_to_num(bag.features.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
        count += len(rows)
        total = total + rows.sum(axis=0)
        squares = squares + (rows**2).sum(axis=0)
    mean = np.asarray(total) / count
    spread = np.sqrt(np.maximum(np.asarray(squares) / count - mean**2, 0.0))
    spread[spread < LEAST_SPREAD] = 1.0
    return mean.astype(np.float32), spread.astype(np.float32)
