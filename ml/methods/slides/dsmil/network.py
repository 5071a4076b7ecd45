"""Two streams: the critical tile of each label, and attention by similarity to it."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.networks.bags import BagNetwork, BagOutput

QUERY = 128


class DualStreamNetwork(BagNetwork):
    """DSMIL. Li, Li and Eliceiri, Dual-stream multiple instance learning network, CVPR (2021)."""

    def __init__(self, size: int, classes: int, width: int, dropout: float, *, average: bool) -> None:
        super().__init__(size)
        self.tile = nn.Sequential(nn.Linear(size, width), nn.ReLU(), nn.Dropout(dropout))
        self.instance = nn.Linear(width, classes)
        self.query = nn.Sequential(nn.Linear(width, QUERY), nn.ReLU(), nn.Linear(QUERY, QUERY), nn.Tanh())
        self.value = nn.Sequential(nn.Dropout(dropout), nn.Linear(width, width))
        self.bag = nn.Conv1d(classes, classes, width)
        self.average = average

    def forward(self, tiles: Tensor, places: Tensor) -> BagOutput:
        """See ``BagNetwork``; the attention is that of the likeliest label."""
        del places
        instance, bag, attention = self._streams(tiles)
        scores = (instance + bag) / 2 if self.average else bag
        return BagOutput(scores, attention[:, scores.argmax()])

    def loss(self, tiles: Tensor, places: Tensor, label: Tensor) -> Tensor:
        """Return half the cross-entropy of either stream."""
        del places
        instance, bag, _ = self._streams(tiles)
        both = torch.stack([instance, bag])
        return functional.cross_entropy(both, label.expand(2))

    def _streams(self, tiles: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return scores of the critical tiles (k,), scores of the bag (k,), attention (n, k)."""
        hidden = self.tile(self.standardised(tiles))
        scores = self.instance(hidden)
        most, critical = scores.max(dim=0)
        query = self.query(hidden)
        attention = torch.softmax(query @ query[critical].T / math.sqrt(QUERY), dim=0)
        vectors = attention.T @ self.value(hidden)
        return most, self.bag(vectors[None])[0, :, 0], attention
