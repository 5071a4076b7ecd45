"""Shared parts of networks over a bag of tiles: their protocol, and attention pooling."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class BagOutput(NamedTuple):
    """Output for a bag: ``scores`` (k,) over the labels, and ``attention`` (n,), the weight of each tile."""

    scores: Tensor
    attention: Tensor


class BagNetwork(nn.Module, ABC):
    """A network over a bag: ``tiles`` float32 (n, d), ``places`` int64 (n, 2) of row and column of each tile.

    Tiles are brought to mean 0 and spread 1 first, by figures that are stored with the weights.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("spread", torch.ones(size))

    def standardised(self, tiles: Tensor) -> Tensor:
        """Return tiles standardised by the training part; NaN becomes the mean."""
        return torch.nan_to_num((tiles - self.mean) / self.spread, 0.0, 0.0, 0.0).clamp(-10, 10)

    @abstractmethod
    def forward(self, tiles: Tensor, places: Tensor) -> BagOutput:
        """Return the output for a bag."""

    def loss(self, tiles: Tensor, places: Tensor, label: Tensor) -> Tensor:
        """Return the loss of a bag with a label (), int64: cross-entropy unless a method says otherwise."""
        return functional.cross_entropy(self(tiles, places).scores[None], label[None])


class GatedAttention(nn.Module):
    """Scores of tiles (n, branches): w (tanh(V h) * sigmoid(U h)).

    Ilse, Tomczak and Welling, Attention-based deep multiple instance learning, ICML (2018).
    """

    def __init__(self, size: int, hidden: int, branches: int = 1) -> None:
        super().__init__()
        self.value = nn.Linear(size, hidden)
        self.gate = nn.Linear(size, hidden)
        self.weight = nn.Linear(hidden, branches)

    def forward(self, tiles: Tensor) -> Tensor:
        """Return the scores, not yet normalised."""
        scores: Tensor = self.weight(torch.tanh(self.value(tiles)) * torch.sigmoid(self.gate(tiles)))
        return scores


class AttentionNetwork(BagNetwork):
    """Tiles to ``width`` features, their mean weighted by gated attention, one linear layer.

    ``pooling`` is ``attention``; or ``mean``, where all tiles weigh the same; or ``max``, where each label
    has the score of its highest tile.
    """

    def __init__(
        self, size: int, classes: int, width: int, dropout: float, pooling: str = "attention"
    ) -> None:
        super().__init__(size)
        self.tile = nn.Sequential(nn.Linear(size, width), nn.ReLU(), nn.Dropout(dropout))
        self.attention = GatedAttention(width, max(8, width // 2))
        self.head = nn.Linear(width, classes)
        self.pooling = pooling

    def forward(self, tiles: Tensor, places: Tensor) -> BagOutput:
        """See ``BagNetwork``; ``places`` are ignored."""
        del places
        if self.pooling == "max":
            single = self.head(self.tile(self.standardised(tiles)))
            scores = single.amax(dim=0)
            return BagOutput(scores, torch.softmax(single[:, scores.argmax()], dim=0))
        vector, attention = self.vector(tiles)
        return BagOutput(self.head(vector), attention)

    def vector(self, tiles: Tensor) -> tuple[Tensor, Tensor]:
        """Return the slide's features (width,) and the attention (n,), which adds up to 1."""
        hidden = self.tile(self.standardised(tiles))
        raw = hidden.new_zeros(len(hidden)) if self.pooling == "mean" else self.attention(hidden)[:, 0]
        attention = torch.softmax(raw, dim=0)
        return attention @ hidden, attention
