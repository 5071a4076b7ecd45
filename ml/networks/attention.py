"""Self-attention among the tiles of a slide: exact for few tiles, by landmarks for many."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

EXACT = 2000
LANDMARKS = 256
ITERATIONS = 6
REACH = 33


class TileAttention(nn.Module):
    """Pre-norm attention among tokens (n, d) with a residual, the first token being the slide's own.

    Up to ``EXACT`` tokens it is exact; beyond that Nyström's approximation: Xiong et al., Nyströmformer, AAAI
    (2021). A depth-wise convolution over the sequence is added to the values, as there.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.mix = nn.Linear(width, 3 * width, bias=False)
        self.join = nn.Sequential(nn.Linear(width, width), nn.Dropout(dropout))
        self.near = nn.Conv1d(heads, heads, REACH, padding=REACH // 2, groups=heads, bias=False)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return the new tokens (n, d), and the first token's attention (n,), over all heads."""
        count, width = tokens.shape
        mixed = self.mix(self.norm(tokens)).reshape(count, 3, self.heads, width // self.heads)
        query, key, value = mixed.permute(1, 2, 0, 3)
        first = torch.softmax(query[:, :1] @ key.transpose(1, 2) / math.sqrt(query.shape[-1]), dim=-1)
        attended = (
            functional.scaled_dot_product_attention(query, key, value)
            if count <= EXACT
            else nystroem(query, key, value, LANDMARKS)
        )
        attended = attended + self._nearby(value)
        joined = attended.permute(1, 0, 2).reshape(count, width)
        return tokens + self.join(joined), first[:, 0].mean(dim=0)

    def _nearby(self, value: Tensor) -> Tensor:
        """Return the convolution of the values along the sequence, one kernel per head."""
        convolved: Tensor = self.near(value.permute(2, 0, 1)).permute(1, 2, 0)
        return convolved


def nystroem(query: Tensor, key: Tensor, value: Tensor, landmarks: int) -> Tensor:
    """Return softmax(q k^T / sqrt(d)) v approximately, in time linear in n; all are (heads, n, d)."""
    heads, count, depth = query.shape
    query = query / math.sqrt(depth)
    mean_query, mean_key = _segments(query, landmarks), _segments(key, landmarks)
    left = torch.softmax(query @ mean_key.transpose(1, 2), dim=-1)
    middle = torch.softmax(mean_query @ mean_key.transpose(1, 2), dim=-1)
    right = torch.softmax(mean_query @ key.transpose(1, 2), dim=-1)
    approximated = left @ (pseudo_inverse(middle) @ (right @ value))
    return approximated.reshape(heads, count, depth)


def _segments(rows: Tensor, landmarks: int) -> Tensor:
    """Return the means of ``landmarks`` runs of rows of nearly the same length."""
    count = rows.shape[1]
    member = torch.arange(count, device=rows.device) * landmarks // count
    total = rows.new_zeros(rows.shape[0], landmarks, rows.shape[2]).index_add_(1, member, rows)
    return total / torch.bincount(member, minlength=landmarks).clamp(min=1)[None, :, None]


def pseudo_inverse(matrix: Tensor, iterations: int = ITERATIONS) -> Tensor:
    """Return the Moore-Penrose inverse of (heads, m, m) by iterations of the sixth order."""
    norm = matrix.abs().sum(dim=-1).amax() * matrix.abs().sum(dim=-2).amax()
    inverse = matrix.transpose(1, 2) / norm
    eye = torch.eye(matrix.shape[-1], device=matrix.device, dtype=matrix.dtype)
    for _ in range(iterations):
        step = matrix @ inverse
        inverse = 0.25 * inverse @ (13 * eye - step @ (15 * eye - step @ (7 * eye - step)))
    return inverse
