"""Shares of each label at each pixel, and the threshold from which a pixel has the label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ml.inference.canvas import Shares
from ml.inference.window_network import WindowNetwork
from ml.methods.regions.sa_mil.info import SaMilConfig
from ml.methods.regions.sa_mil.network import generalised_mean
from ml.storage.model_state import ModelState


@dataclass
class WeakClassifier:
    """A map of each label, with a threshold per label."""

    state: ModelState
    config: SaMilConfig
    network: WindowNetwork

    @property
    def thresholds(self) -> list[float]:
        """Return the share from which a pixel has a label, per label."""
        usual = [0.5] * len(self.state.labels)
        thresholds: list[float] = self.state.facts.get("thresholds", usual)
        return thresholds

    def see(self, pixels: NDArray[np.uint8]) -> Shares:
        """Return the shares (1 + labels, h, w) of background and each label at each pixel."""
        maps = self.network.look(pixels)[: len(self.state.labels)].numpy()
        shares: Shares = np.concatenate([1 - maps.max(axis=0, keepdims=True), maps]).astype(np.float32)
        return shares

    def tile_share(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probability (k,) of each label in a tile (h, w, 3)."""
        maps = torch.from_numpy(self.see(pixels)[1:])
        shares: NDArray[np.float32] = generalised_mean(maps[None])[0].numpy()
        return shares

    def field_of(self, shares: Shares, number: int) -> Shares:
        """Return the excess (h, w) of a label over its threshold, minus that of the best other label."""
        over = self._relative(shares) - 1
        others = np.delete(over, number, axis=0)
        if not len(others):
            alone: Shares = over[number]
            return alone
        field: Shares = np.minimum(over[number], over[number] - others.max(axis=0))
        return field

    def classes_of(self, shares: Shares) -> NDArray[np.uint8]:
        """Return the class (h, w) of each pixel: 0 background, 1.. labels."""
        over = self._relative(shares)
        best = np.where(over.max(axis=0) >= 1, over.argmax(axis=0) + 1, 0)
        return best.astype(np.uint8)

    def _relative(self, shares: Shares) -> Shares:
        """Return the shares (labels, h, w) as multiples of their thresholds."""
        relative: Shares = shares[1:] / np.array(self.thresholds, dtype=np.float32)[:, None, None]
        return relative
