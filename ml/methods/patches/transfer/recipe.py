"""Transfer learning: a network that starts from another one's weights, with slow or frozen low stages."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.catalogue.registry import find_recipe
from ml.contracts import Context, DataError, Dataset
from ml.data.variation.patches import Augmentation
from ml.messages import Message
from ml.methods.bases.network_recipe import INFERENCE_BATCH, NetworkRecipe, class_balance
from ml.methods.bases.patch_recipe import TrainingTable
from ml.methods.bases.settings import StagedSettingsT_co
from ml.methods.patches.convolutional.recipe import Convolutional
from ml.methods.patches.transfer.info import INFO, TransferConfig
from ml.networks.encoders import PatchNetwork, renew_statistics, stage_groups
from ml.training.logistic import fit_logistic
from ml.training.transfer import distance, take_over

PENALTIES = (0.01, 0.1, 1.0, 10.0, 100.0)


class StagedRecipe(NetworkRecipe[StagedSettingsT_co]):
    """An encoder that starts from given weights and learns stage by stage."""

    def __init__(self, labels: Sequence[str], config: Mapping[str, Any]) -> None:
        super().__init__(labels, config)
        self._start: dict[str, Tensor] = {}

    def new_network(self) -> PatchNetwork:
        """Return a new network."""
        return PatchNetwork(self.config.encoder, len(self.classes), channels=self.depth)

    def augmentation(self) -> Augmentation:
        """Return the augmentation of training patches."""
        return Augmentation(stain=self.config.stain)

    def hold(self, network: PatchNetwork) -> None:
        """Freeze the stages of the mode, and store the initial weights of the others."""
        stages = len(network.encoder.stages)
        frozen = {"full": 0, "partial": max(0, stages - self.config.trained)}
        network.freeze(frozen.get(self.config.mode, stages))
        parts = network.encoder.named_parameters(prefix="encoder")
        self._start = {name: weight.detach().clone() for name, weight in parts if weight.requires_grad}

    def groups(self, network: nn.Module) -> Sequence[Mapping[str, Any]]:
        """Return the head at the full learning rate, each stage below at a fraction of the next."""
        if not isinstance(network, PatchNetwork):
            raise TypeError
        return stage_groups(network, self.config.decay)

    def loss(self, network: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Return cross-entropy plus the penalty on the distance from the initial weights."""
        value = super().loss(network, batch)
        if self.config.anchor and self._start:
            value = value + self.config.anchor * distance(network, self._start)
        return value

    def learn(self, network: nn.Module, learned: TrainingTable, held: TrainingTable, context: Context) -> int:
        """Train by the mode; then train the same network from scratch with the same budget."""
        if self.config.mode == "linear probe":
            epochs = self._probe(network, learned, held, context)
        else:
            epochs = super().learn(network, learned, held, context)
        self.facts = {"source": self.config.source}
        if self.config.beside:
            own = self.scores(network, held.rows, context)
            self.facts |= {
                "held_out": _figures(own, held),
                "from_scratch": self._scratch(learned, held, context),
            }
        return epochs

    def _probe(
        self, network: nn.Module, learned: TrainingTable, held: TrainingTable, context: Context
    ) -> int:
        """Fit the head alone by logistic regression on frozen features; its penalty by the held-out part."""
        self._network = network.eval()
        rows = self.embed(learned.rows).astype(np.float64)
        mean, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-6
        weights = class_balance(learned)
        best = np.inf
        for penalty in PENALTIES:
            context.report(
                0.5,
                Message("fitting_head", penalty=float(penalty)),
            )
            matrix = fit_logistic((rows - mean) / spread, learned.targets, weights, penalty)
            plain = matrix[:-1] / spread[:, None]
            head: Any = network.head
            before = {name: value.clone() for name, value in head.state_dict().items()}
            with torch.no_grad():
                head.weight.copy_(torch.from_numpy(plain.T))
                head.bias.copy_(torch.from_numpy(matrix[-1] - mean @ plain))
            loss = self.validation_loss(self.scores(network, held.rows, context), held)
            if loss < best:
                best = loss
            else:
                head.load_state_dict(before)
        return 0

    def _scratch(self, learned: TrainingTable, held: TrainingTable, context: Context) -> dict[str, float]:
        names = {item.name for item in find_recipe(Convolutional.name).fields}
        shared = {name: value for name, value in self.settings.items() if name in names}
        plain = Convolutional.build(self.labels, shared)
        plain.background, plain.channels = self.background, self.channels
        plain.ready(context)
        beside = dataclasses.replace(context, scratch=context.scratch / "from-scratch")
        network = plain.fresh(context.seed)
        plain.learn(network, learned, held, beside)
        return _figures(plain.scores(network, held.rows, beside), held)


class Transfer(StagedRecipe[TransferConfig]):
    """An encoder with weights from an earlier model, from self-supervised training, or from a file."""

    info = INFO

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Load the weights, train by the mode, and record the result of the same network from scratch."""
        if not self.config.source:
            message = Message(
                "source_missing",
            )
            raise DataError(message, code="no_source")
        super().fit(dataset, context)

    def start(self, network: nn.Module, learned: TrainingTable, context: Context) -> None:
        """Load the source's weights into the encoder and freeze the stages of the mode."""
        if not isinstance(network, PatchNetwork):
            raise TypeError
        path = context.find_model(self.config.source)
        take_over(network.encoder, path, self.config.encoder)
        network.to(self._device)
        if self.config.renew:
            kept = np.linspace(0, len(learned.rows) - 1, min(len(learned.rows), 4 * INFERENCE_BATCH))
            rows = learned.rows[kept.astype(np.intp)]
            pieces = [
                self.pixels(rows[k : k + INFERENCE_BATCH]) for k in range(0, len(rows), INFERENCE_BATCH)
            ]
            renew_statistics(network, pieces)
        self.hold(network)


def _figures(scores: NDArray[np.float64], held: TrainingTable) -> dict[str, float]:
    sure = held.truth >= 0
    right = scores[sure].argmax(axis=1) == held.truth[sure]
    return {"accuracy": float(right.mean()) if sure.any() else float("nan"), "n": int(sure.sum())}
