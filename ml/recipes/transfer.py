"""A network that starts from what another one learned; its lower stages learn slowly, or not at all."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.contracts import Context, DataError, Dataset, Sentence
from ml.data.augmentation import Variation
from ml.networks.encoders import PatchNetwork, renew_statistics, stage_groups
from ml.recipes.convolutional import Convolutional
from ml.recipes.networked import INFERENCE_BATCH, NetworkRecipe, class_balance
from ml.recipes.patching import Learnable
from ml.training.logistic import fit_logistic
from ml.training.transfer import distance, take_over

PENALTIES = (0.01, 0.1, 1.0, 10.0, 100.0)


class Transfer(NetworkRecipe, recipe="transfer"):
    """An encoder's weights from an earlier model, from learning without labels, or from a file."""

    def __init__(self, labels: Sequence[str], config: Mapping[str, Any]) -> None:
        super().__init__(labels, config)
        self._start: dict[str, Tensor] = {}

    def new_network(self) -> PatchNetwork:
        """Return a fresh network."""
        return PatchNetwork(self.config.encoder, len(self.classes), channels=self.depth)

    def variation(self) -> Variation:
        """Return how training patches are varied."""
        return Variation(stain=self.config.stain)

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Take over the weights, train by the mode, and note how the same network does from scratch."""
        if not self.config.source:
            message = Sentence(
                "source_missing",
                "source: name the earlier model, or the file of weights, that should be built on.",
            )
            raise DataError("no_source", message)
        super().fit(dataset, context)

    def start(self, network: nn.Module, learned: Learnable, context: Context) -> None:
        """Put the source's weights into the encoder and freeze what the mode leaves alone."""
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

    def hold(self, network: PatchNetwork) -> None:
        """Freeze what the mode leaves alone, and note where the rest starts from."""
        stages = len(network.encoder.stages)
        frozen = {"full": 0, "partial": max(0, stages - self.config.trained)}
        network.freeze(frozen.get(self.config.mode, stages))
        parts = network.encoder.named_parameters(prefix="encoder")
        self._start = {name: weight.detach().clone() for name, weight in parts if weight.requires_grad}

    def groups(self, network: nn.Module) -> Sequence[Mapping[str, Any]]:
        """Return the head at the full rate, each stage below at a share of the next."""
        if not isinstance(network, PatchNetwork):
            raise TypeError
        return stage_groups(network, self.config.decay)

    def loss(self, network: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Return cross-entropy, and the penalty for leaving the start."""
        value = super().loss(network, batch)
        if self.config.anchor and self._start:
            value = value + self.config.anchor * distance(network, self._start)
        return value

    def learn(self, network: nn.Module, learned: Learnable, held: Learnable, context: Context) -> int:
        """Train by the mode; then train the same network from scratch, on the same budget, beside it."""
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

    def _probe(self, network: nn.Module, learned: Learnable, held: Learnable, context: Context) -> int:
        """Fit the head alone by logistic regression on frozen features; its penalty by the held-out part."""
        self._network = network.eval()
        rows = self.embed(learned.rows).astype(np.float64)
        mean, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-6
        weights = class_balance(learned)
        best = np.inf
        for penalty in PENALTIES:
            context.report(
                0.5,
                Sentence(
                    "fitting_head", "Fitting the head with a penalty of {penalty}", penalty=float(penalty)
                ),
            )
            matrix = fit_logistic((rows - mean) / spread, learned.targets, weights, penalty)
            plain = matrix[:-1] / spread[:, None]
            head: Any = network.head
            before = {name: value.clone() for name, value in head.state_dict().items()}
            with torch.no_grad():
                head.weight.copy_(torch.from_numpy(plain.T))
                head.bias.copy_(torch.from_numpy(matrix[-1] - mean @ plain))
            found = self.shortfall(self.scores(network, held.rows, context), held)
            if found < best:
                best = found
            else:
                head.load_state_dict(before)
        return 0

    def _scratch(self, learned: Learnable, held: Learnable, context: Context) -> dict[str, float]:
        names = {item.name for item in dataclasses.fields(Convolutional.Config)}
        shared = {name: value for name, value in self.settings.items() if name in names}
        plain = Convolutional.build(self.labels, shared)
        plain.background, plain.channels = self.background, self.channels
        plain.ready(context)
        beside = dataclasses.replace(context, scratch=context.scratch / "from-scratch")
        network = plain.fresh(context.seed)
        plain.learn(network, learned, held, beside)
        return _figures(plain.scores(network, held.rows, beside), held)


def _figures(scores: NDArray[np.float64], held: Learnable) -> dict[str, float]:
    sure = held.truth >= 0
    right = scores[sure].argmax(axis=1) == held.truth[sure]
    return {"accuracy": float(right.mean()) if sure.any() else float("nan"), "n": int(sure.sum())}
