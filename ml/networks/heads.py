"""Small heads over stored features: several side by side, or one with dropout at inference."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional


class Heads(nn.Module):
    """Scores (members, n, classes) of independent two-layer heads for features (n, size).

    Features are standardised by ``mean`` and ``spread`` (size,), which travel with the weights.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, size: int, hidden: int, classes: int, members: int, dropout: float) -> None:
        super().__init__()
        self.first = nn.Parameter(_drawn(members, size, hidden))
        self.second = nn.Parameter(_drawn(members, hidden, classes))
        self.lift = nn.Parameter(torch.zeros(members, 1, hidden))
        self.bias = nn.Parameter(torch.zeros(members, 1, classes))
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("spread", torch.ones(size))

    def standardise(self, rows: NDArray[np.float32]) -> None:
        """Compute mean and spread from the training features."""
        self.mean.copy_(torch.from_numpy(rows.mean(axis=0)))
        self.spread.copy_(torch.from_numpy(rows.std(axis=0) + 1e-6))

    def forward(self, rows: Tensor) -> Tensor:
        """Return the scores before softmax."""
        plain = ((rows - self.mean) / self.spread).clamp(-10.0, 10.0)
        hidden = functional.relu(torch.einsum("nd,mdh->mnh", plain, self.first) + self.lift)
        scores: Tensor = torch.einsum("mnh,mhk->mnk", self.dropout(hidden), self.second) + self.bias
        return scores


def _drawn(members: int, size: int, output: int) -> Tensor:
    return torch.randn(members, size, output) * math.sqrt(2.0 / size)
