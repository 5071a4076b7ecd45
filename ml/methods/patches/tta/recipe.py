"""Test-time augmentation: the mean of a model's predictions for rotated and mirrored patches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ml.inference.averaging import Spread, dihedral_changes, random_changes, spread_of
from ml.methods.bases.network_recipe import NetworkRecipe
from ml.methods.bases.patch_recipe import PatchPredictions
from ml.methods.bases.wrapping_recipe import WrappingRecipe
from ml.methods.patches.tta.info import INFO, AveragedConfig


class Averaged(WrappingRecipe[AveragedConfig]):
    """The survey's reading of MC-ViT's averaging, for any model of patches."""

    info = INFO

    def spread(self, pixels: NDArray[np.uint8]) -> Spread:
        """Return mean, deviation, entropy and mutual information of all predictions for the patches."""
        config = self.config
        changes = (
            dihedral_changes()
            if config.mode == "dihedral"
            else random_changes(config.draws, self.seed, config.stain)
        )
        with self._doubting():
            return spread_of(np.stack([self.inner.judge_pixels(change(pixels)) for change in changes]))

    def judged(self, indices: NDArray[np.intp], pixels: NDArray[Any]) -> PatchPredictions:
        """Return the mean prediction, with the uncertainty of the settings."""
        predicted = self.spread(pixels)
        reported = np.ones(len(indices), dtype=bool)
        return PatchPredictions(
            indices, predicted.mean, predicted.uncertainty(self.config.uncertainty), reported
        )

    @contextmanager
    def _doubting(self) -> Iterator[None]:
        """Enable dropout during inference of the inner network, where the settings ask for it."""
        inner = self.inner
        if not self.config.dropout or not isinstance(inner, NetworkRecipe):
            yield
            return
        layers = [layer for layer in inner.fitted().modules() if isinstance(layer, nn.Dropout)]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            for layer in layers:
                layer.train()
            try:
                yield
            finally:
                for layer in layers:
                    layer.eval()
