"""Monte Carlo test-time averaging: the mean of a model's answers about turned and mirrored patches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ml.inference.averaging import Spread, dihedral_changes, random_changes, spread_of
from ml.recipes.networked import NetworkRecipe
from ml.recipes.patching import Judged
from ml.recipes.wrapping import WrappingRecipe


class Averaged(WrappingRecipe, recipe="tta"):
    """The survey's reading of MC-ViT: works with any model of patches."""

    def spread(self, pixels: NDArray[np.uint8]) -> Spread:
        """Return mean, deviation, entropy and mutual information of all answers about the patches."""
        config = self.config
        changes = (
            dihedral_changes()
            if config.mode == "dihedral"
            else random_changes(config.draws, self.seed, config.stain)
        )
        with self._doubting():
            return spread_of(np.stack([self.inner.judge_pixels(change(pixels)) for change in changes]))

    def judged(self, indices: NDArray[np.intp], pixels: NDArray[Any]) -> Judged:
        """Return the mean answer, with the uncertainty that the settings name."""
        found = self.spread(pixels)
        told = np.ones(len(indices), dtype=bool)
        return Judged(indices, found.mean, found.uncertainty(self.config.uncertainty), told)

    @contextmanager
    def _doubting(self) -> Iterator[None]:
        """Let dropout work while the inner network judges, where the settings say so."""
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
