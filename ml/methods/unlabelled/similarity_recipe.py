"""Base of recipes with self-supervised training on tiles: two views of a tile are alike."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.contracts import Context, DataError, Dataset, Evaluation
from ml.data.unlabelled import tiles_identity, unlabelled_tiles
from ml.messages import Message
from ml.methods.bases.patch_recipe import TrainingTable
from ml.methods.patches.transfer.recipe import StagedRecipe
from ml.methods.unlabelled.settings import SimilarityConfig
from ml.networks.encoders import PatchNetwork
from ml.training.loop import TrainingPlan, train
from ml.training.views import Views, view_of

HELD_OUT = 0.1
LEAST_GROUP = 2
SimilarityConfigT_co = TypeVar("SimilarityConfigT_co", bound=SimilarityConfig, covariant=True)
UNLABELLED = {"one_class_only", "no_labels"}


class SimilarityRecipe(StagedRecipe[SimilarityConfigT_co]):
    """An encoder learned from tiles, then trained on labels, if there are any, as in ``transfer``.

    A model of this kind describes tiles for other recipes as ``encoder:<model>``, and ``transfer`` can start
    from it. Without labels to learn from it does only that, and finds nothing on a slide.
    """

    def __init__(self, labels: Sequence[str], config: Mapping[str, Any]) -> None:
        super().__init__(labels, config)
        self._tiles: NDArray[np.uint8] = np.empty((0, 1, 1, 3), np.uint8)

    @abstractmethod
    def unlikeness(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the loss of two views (n, d) each of n tiles, n being at least 2."""

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train on all tiles but those of the test part, then on the labelled ones."""
        self._device = context.device
        self._tiles = unlabelled_tiles(dataset, self.config, context)
        try:
            super().fit(dataset, context)
        except DataError as error:
            if error.code not in UNLABELLED:
                raise
            self.seed, self.labels, self.background = context.seed, (), False
            network = self.fresh(context.seed)
            self._attract(network, context)
            self._network = network.eval()
        self.facts |= {"tiles without labels": len(self._tiles)}
        self._tiles = self._tiles[:0]

    def new_network(self) -> PatchNetwork:
        """Return a new network; one without labels has an unused head."""
        return PatchNetwork(self.config.encoder, max(1, len(self.classes)))

    def start(self, network: nn.Module, learned: TrainingTable, context: Context) -> None:
        """Train the encoder without labels, and freeze the stages of the mode."""
        del learned
        if not isinstance(network, PatchNetwork):
            raise TypeError
        self._attract(network, replace(context, scratch=context.scratch / "views"))
        self.hold(network)

    def _attract(self, network: nn.Module, context: Context) -> None:
        """Train a network's encoder on views of the tiles, under a temporary projection head."""
        if not isinstance(network, PatchNetwork):
            raise TypeError
        config, tiles = self.config, self._tiles
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(context.seed)
            pair = _Projected(network.encoder, config.projection).to(self._device)
        order = np.random.default_rng(context.seed).permutation(len(tiles))
        held, kept = np.split(order, [max(LEAST_GROUP, round(len(tiles) * HELD_OUT))])
        group = min(config.group, len(kept))
        how = Views(config.least, config.stain, config.blur)

        def batches(random: np.random.Generator) -> Iterator[NDArray[np.intp]]:
            mixed = random.permutation(kept)
            for begin in range(0, len(mixed) - group + 1, group):
                yield mixed[begin : begin + group]

        def loss(chosen: NDArray[np.intp]) -> Tensor:
            pixels = self.pixels(tiles[chosen])
            return self.unlikeness(pair(view_of(pixels, how)), pair(view_of(pixels, how)))

        def validate() -> float:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(context.seed)
                return float(loss(held[: 2 * group]))

        plan = TrainingPlan(
            epochs=config.view_epochs,
            steps=max(1, len(kept) // group),
            minutes=config.minutes,
            learning_rate=config.learning_rate,
            patience=config.view_epochs,
            identity=tiles_identity([self.name, self.settings, context.seed], tiles),
        )
        train(pair, batches=batches, loss=loss, validate=validate, plan=plan, context=context)
        network.eval()

    def evaluate(self, dataset: Dataset, context: Context, part: str = "test") -> Evaluation:
        """Measure on labelled patches; raises DataError(``nothing_to_measure``) without a label."""
        if not self.labels:
            message = Message(
                "learned_without_labels",
            )
            raise DataError(message, code="nothing_to_measure")
        return super().evaluate(dataset, context, part)


class _Projected(nn.Module):
    """An encoder with a two-layer projection head for the contrastive loss."""

    def __init__(self, encoder: nn.Module, projection: int) -> None:
        super().__init__()
        self.encoder = encoder
        size = int(getattr(encoder, "size", 0))
        self.project = nn.Sequential(nn.Linear(size, size), nn.ReLU(), nn.Linear(size, projection))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the projections (n, d)."""
        projection: Tensor = self.project(self.encoder(pixels))
        return projection
