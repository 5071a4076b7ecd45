"""Auto-encoders of a tile's pixels, gradients and local patterns, then a classifier on their latents."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.contracts import Context, DataError, Dataset
from ml.data.unlabelled import tiles_identity, unlabelled_tiles
from ml.features.gradients import gradient_histograms, normalise_tile, pattern_histograms
from ml.messages import Message
from ml.methods.bases.network_recipe import INFERENCE_BATCH, NetworkRecipe
from ml.methods.bases.patch_recipe import Weights
from ml.methods.unlabelled.descriptor_autoencoders.info import INFO, DescriptorAutoencodersConfig
from ml.methods.unlabelled.descriptor_autoencoders.network import IMAGE, Described, TripleAutoencoder
from ml.training.kernel import KernelHead, fit_head
from ml.training.logistic import probabilities
from ml.training.loop import TrainingPlan, train

HELD_OUT = 0.1
HEAD = "head."
GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32) / 255


class DescriptorAutoencoders(NetworkRecipe[DescriptorAutoencodersConfig]):
    """Descriptors under stacked auto-encoders. Sheikh et al. (2022), reconstructed from the abstract.

    The auto-encoders learn from all tiles, labelled or not; the classifier from the labelled ones.
    """

    info = INFO

    def __init__(self, labels: Sequence[str], config: Mapping[str, Any]) -> None:
        super().__init__(labels, config)
        self._head: KernelHead | None = None

    def new_network(self) -> nn.Module:
        """Return new auto-encoders."""
        if self.config.pixels % 16:
            message = Message(
                "pixels_times_16",
                pixels=self.config.pixels,
            )
            raise DataError(message, code="bad_config")
        blank = np.zeros((1, self.config.pixels, self.config.pixels, 3), np.uint8)
        tile = self._described(blank)
        return TripleAutoencoder(self.config.pixels, tile.gradients.shape[1], tile.patterns.shape[1])

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train the auto-encoders on tiles, then a classifier on their latents."""
        self._prepare(dataset, context)
        self._device = context.device
        known = self.gather(dataset, context, ("train", "validation"))
        if len(np.unique(known.targets.argmax(axis=1))) < 2:  # noqa: PLR2004 - one against another
            message = Message("one_class_marked")
            raise DataError(message, code="one_class_only")
        tiles = unlabelled_tiles(dataset, self.config, context)
        network = self.fresh(context.seed)
        epochs = self._squeeze(network, tiles, context)
        self._network = network.eval()
        self._head, self.temperature = fit_head(
            self.embed(known.rows).astype(np.float64),
            known.targets,
            known.weights,
            known.units,
            penalty=self.config.penalty,
            kernel=self.config.kernel,
            seed=context.seed,
        )
        self.facts |= {"patches": len(known.rows), "tiles": len(tiles), "epochs": epochs}
        context.report(1.0, Message("learned"))

    def _squeeze(self, network: nn.Module, tiles: NDArray[np.uint8], context: Context) -> int:
        config = self.config
        described = self._described(tiles)
        rows = torch.cat([described.gradients, described.patterns], dim=1)
        network.get_buffer("means").copy_(rows.mean(dim=0))
        network.get_buffer("spreads").copy_(rows.std(dim=0).clamp(min=1e-3))
        order = np.random.default_rng(context.seed).permutation(len(tiles))
        held, kept = np.split(order, [max(1, round(len(tiles) * HELD_OUT))])

        def batches(random: np.random.Generator) -> Iterator[NDArray[np.intp]]:
            mixed = random.permutation(kept)
            # A last batch of one tile has no variance to normalise by.
            for start in range(0, max(1, len(mixed) - 1), config.batch):
                yield mixed[start : start + config.batch]

        def loss(chosen: NDArray[np.intp]) -> Tensor:
            which = torch.from_numpy(chosen)
            latents: Tensor = network(Described(*(part[which].to(self._device) for part in described)))
            return latents

        plan = TrainingPlan(
            epochs=config.epochs,
            steps=math.ceil(len(kept) / config.batch),
            minutes=config.minutes,
            learning_rate=config.learning_rate,
            patience=config.patience,
            identity=tiles_identity([self.name, self.settings, context.seed], tiles),
        )
        return train(
            network,
            batches=batches,
            loss=loss,
            validate=lambda: float(loss(held)),
            plan=plan,
            context=context,
        ).epoch

    def _described(self, tiles: NDArray[np.uint8]) -> Described:
        """Return pixels, gradients and patterns of RGB tiles (n, side, side, 3)."""
        even = np.stack([normalise_tile(tile) for tile in tiles])
        greys = even.astype(np.float32) @ GREY
        return Described(
            torch.from_numpy(even).permute(0, 3, 1, 2).float() / 255,
            torch.from_numpy(np.stack([gradient_histograms(grey) for grey in greys])),
            torch.from_numpy(np.stack([pattern_histograms(grey) for grey in greys])),
        )

    def embed(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the latents (n, 256), or (n, 128) of the image alone, of RGB (n, pixels, pixels, 3)."""
        network: Any = self.fitted()
        parts = []
        with torch.inference_mode():
            for start in range(0, len(patches), INFERENCE_BATCH):
                tile = self._described(patches[start : start + INFERENCE_BATCH])
                parts.append(network.latent(Described(*(part.to(self._device) for part in tile))).cpu())
        latents: NDArray[np.float32] = torch.cat(parts).numpy()
        return latents if self.config.ways == "all" else latents[:, :IMAGE]

    def judge(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Return calibrated probabilities (n, k)."""
        if self._head is None:
            raise DataError(Message("not_fitted"))
        return probabilities(self._head.scores(self.embed(rows).astype(np.float64)), self.temperature)

    def _weights(self) -> Weights:
        head = {} if self._head is None else self._head.arrays()
        return super()._weights() | {f"{HEAD}{name}": value for name, value in head.items()}

    def restore(self, weights: Weights) -> None:
        """Restore saved arrays; raises KeyError, ValueError or RuntimeError for other arrays."""
        head = {name.removeprefix(HEAD): value for name, value in weights.items() if name.startswith(HEAD)}
        super().restore({name: value for name, value in weights.items() if not name.startswith(HEAD)})
        self._head = KernelHead.from_arrays(head)
        self._head.check(len(self._head.mean), len(self.classes))
