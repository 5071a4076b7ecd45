"""Base of recipes for whole slides with a network over a bag, trained bag by bag."""

from __future__ import annotations

import hashlib
import json
import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml.contracts import Context, DataError
from ml.data.bags import UNKNOWN, Bag, bags_identity, class_weights, labels_of
from ml.messages import Message
from ml.methods.bases.bag_recipe import BagPrediction, BagRecipe, Weights
from ml.methods.bases.settings import BagSettingsT_co
from ml.networks.bags import BagNetwork
from ml.training.loop import TrainingPlan, train

LEAST_SPREAD = 1e-6
Batch = list[tuple[Bag, float]]


class NetworkBagRecipe(BagRecipe[BagSettingsT_co]):
    """A ``BagRecipe`` whose predictions come from a ``BagNetwork``."""

    def __init__(self, labels: Sequence[str], config: Mapping[str, Any]) -> None:
        super().__init__(labels, config)
        self._network: BagNetwork | None = None
        self._device = "cpu"

    @abstractmethod
    def _new_network(self, size: int) -> BagNetwork:
        """Return the network for tiles of ``size`` features, its weights drawn at random."""

    def _learn(self, learned: Sequence[Bag], held: Sequence[Bag], context: Context) -> None:
        self._device = context.device
        network = self._prepared(learned, context)
        self._fit(network, learned, held, context)
        self._network = network

    def _prepared(self, learned: Sequence[Bag], context: Context) -> BagNetwork:
        """Return a new network with the scale of the features."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(context.seed)
            network = self._new_network(learned[0].features.shape[1])
        mean, spread = scale_of(learned)
        network.mean.copy_(torch.from_numpy(mean))
        network.spread.copy_(torch.from_numpy(spread))
        return network.to(context.device)

    def _fit(
        self, network: BagNetwork, learned: Sequence[Bag], held: Sequence[Bag], context: Context
    ) -> None:
        """Train on the labelled bags of ``learned``, with early stopping on ``held``."""
        config = self.config
        known = [bag for bag in learned if self._counts(bag)]
        weights = self._importance(known)

        def batches(random: np.random.Generator) -> Iterator[Batch]:
            order = random.permutation(len(known))
            for start in range(0, len(order), config.batch):
                chosen = order[start : start + config.batch]
                yield [(known[i].sample(config.tiles, random), float(weights[i])) for i in chosen]

        def loss(batch: Batch) -> Tensor:
            return self._batch_loss(network, batch)

        def validate() -> float:
            return self._held_loss(network, held)

        plan = self._plan(len(known), learned, context)
        progress = train(network, batches=batches, loss=loss, validate=validate, plan=plan, context=context)
        self.facts["epochs"] = progress.epoch

    def _plan(self, count: int, learned: Sequence[Bag], context: Context) -> TrainingPlan:
        """Return the plan for epochs over ``count`` bags."""
        config = self.config
        return TrainingPlan(
            epochs=config.epochs,
            steps=math.ceil(count / config.batch),
            minutes=config.minutes,
            learning_rate=config.learning_rate,
            patience=config.patience,
            identity=self._identity(learned, context),
        )

    def _counts(self, bag: Bag) -> bool:
        """Return whether a bag is usable for training."""
        return bag.label != UNKNOWN

    def _importance(self, known: Sequence[Bag]) -> NDArray[np.float64]:
        return class_weights(labels_of(known), len(self.labels))

    def _batch_loss(self, network: BagNetwork, batch: Batch) -> Tensor:
        """Return the weighted mean loss of some bags."""
        total = torch.stack([weight * self._loss(network, bag) for bag, weight in batch])
        return total.sum() / sum(weight for _, weight in batch)

    def _loss(self, network: BagNetwork, bag: Bag) -> Tensor:
        tiles, places = self.tensors(bag)
        return network.loss(tiles, places, torch.tensor(bag.label, device=self._device))

    def _held_loss(self, network: BagNetwork, held: Sequence[Bag]) -> float:
        """Return the class-balanced cross-entropy of held-out bags."""
        known = [bag for bag in held if bag.label != UNKNOWN]
        weights = self._importance(known)
        total = 0.0
        for bag, weight in zip(known, weights, strict=True):
            logs = torch.log_softmax(network(*self.tensors(bag)).scores, dim=0)
            total -= float(weight) * float(logs[bag.label])
        return total / float(weights.sum())

    def tensors(self, bag: Bag) -> tuple[Tensor, Tensor]:
        """Return features and places of a bag on the network's device."""
        tiles = torch.from_numpy(np.ascontiguousarray(bag.features, dtype=np.float32))
        places = torch.from_numpy(np.ascontiguousarray(bag.places, dtype=np.int64))
        return tiles.to(self._device), places.to(self._device)

    def _identity(self, learned: Sequence[Bag], context: Context) -> str:
        content = json.dumps([self.name, self.settings, context.seed, bags_identity(learned)], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    def ready(self, context: Context) -> None:
        """Move encoder and network to the device of the context."""
        super().ready(context)
        self._device = context.device
        if self._network is not None:
            self._network.to(context.device)

    def judge(self, bag: Bag) -> BagPrediction:
        """Return the prediction for a bag; raises DataError(``not_fitted``)."""
        network = self._fitted()
        self._check_width(bag, network)
        with torch.inference_mode():
            output = network(*self.tensors(bag))
        return BagPrediction(output.scores.cpu().double().numpy(), output.attention.cpu().float().numpy())

    @staticmethod
    def _check_width(bag: Bag, network: BagNetwork) -> None:
        if bag.features.shape[1] != len(network.mean):
            message = Message(
                "other_encoder",
                known=len(network.mean),
                given=bag.features.shape[1],
            )
            raise DataError(message, code="bad_encoder")

    def _weights(self) -> Weights:
        state = self._fitted().state_dict()
        return {name: value.cpu().numpy() for name, value in state.items()}

    def restore(self, weights: Weights) -> None:
        """Restore saved arrays; raises KeyError, ValueError or RuntimeError for other arrays."""
        network = self._new_network(len(weights["mean"]))
        network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
        self._network = network.eval()

    def _fitted(self) -> BagNetwork:
        if self._network is None:
            raise DataError(Message("not_fitted"))
        return self._network


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
