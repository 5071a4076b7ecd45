"""Training of an encoder without labels: two views of a tile are alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.contracts import Context
from ml.data.unlabelled import tiles_identity
from ml.inference.network_predictor import NetworkPredictor
from ml.networks.encoders import PatchNetwork
from ml.training.loop import TrainingPlan, train
from ml.training.settings import TrainingSettings
from ml.training.views import Views, view_of

HELD_OUT = 0.1
LEAST_GROUP = 2
# The loss of two views (n, d) each of n tiles, n being at least 2.
Unlikeness = Callable[[Tensor, Tensor], Tensor]


class ViewSettings(TrainingSettings, Protocol):
    """Settings of training on views of tiles."""

    @property
    def view_epochs(self) -> int:
        """Passes over the tiles."""
        ...

    @property
    def group(self) -> int:
        """Number of tiles that are compared with each other."""
        ...

    @property
    def projection(self) -> int:
        """Size of the vectors that are compared."""
        ...

    @property
    def least(self) -> float:
        """Smallest share of a tile that a view shows."""
        ...

    @property
    def stain(self) -> float:
        """Range of the stain variation."""
        ...

    @property
    def blur(self) -> float:
        """Share of views that are blurred."""
        ...


@dataclass(frozen=True)
class ViewTrainer:
    """Trains a network's encoder on views of tiles, under a temporary projection head."""

    predictor: NetworkPredictor
    config: ViewSettings
    unlikeness: Unlikeness

    def train(self, network: PatchNetwork, tiles: NDArray[np.uint8], context: Context) -> None:
        """Train on tiles (n, side, side, 3); a tenth of them decides when to stop."""
        config, state, device = self.config, self.predictor.state, self.predictor.network.device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(context.seed)
            pair = _Projected(network.encoder, config.projection).to(device)
        order = np.random.default_rng(context.seed).permutation(len(tiles))
        held, kept = np.split(order, [max(LEAST_GROUP, round(len(tiles) * HELD_OUT))])
        group = min(config.group, len(kept))
        how = Views(config.least, config.stain, config.blur)

        def batches(random: np.random.Generator) -> Iterator[NDArray[np.intp]]:
            mixed = random.permutation(kept)
            for begin in range(0, len(mixed) - group + 1, group):
                yield mixed[begin : begin + group]

        def loss(chosen: NDArray[np.intp]) -> Tensor:
            pixels = self.predictor.pixels(tiles[chosen])
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
            identity=tiles_identity([state.recipe, dict(state.settings), context.seed], tiles),
        )
        train(pair, batches=batches, loss=loss, validate=validate, plan=plan, context=context)
        network.eval()


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
