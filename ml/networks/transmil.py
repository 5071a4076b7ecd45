"""Transformers over the tiles of a slide."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ml.networks.attention import TileAttention
from ml.networks.bags import BagNetwork, BagOutput

KERNELS = (7, 5, 3)
PERIOD = 10_000.0


class TransformerNetwork(BagNetwork):
    """TransMIL: attention, positions by convolution over the re-gridded tiles (PPEG), attention.

    Shao et al., TransMIL: transformer based correlated multiple instance learning, NeurIPS (2021).
    """

    def __init__(self, size: int, classes: int, width: int, dropout: float, heads: int) -> None:
        super().__init__(size)
        self.tile = nn.Sequential(nn.Linear(size, width), nn.ReLU())
        self.slide = nn.Parameter(torch.randn(1, width) * 1e-2)
        self.first = TileAttention(width, heads, dropout)
        self.positions = nn.ModuleList(
            nn.Conv2d(width, width, k, padding=k // 2, groups=width) for k in KERNELS
        )
        self.second = TileAttention(width, heads, dropout)
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, classes))

    def forward(self, tiles: Tensor, places: Tensor) -> BagOutput:
        """See ``BagNetwork``; the attention is that of the slide's token in the last layer."""
        del places
        count = len(tiles)
        side = math.ceil(math.sqrt(count))
        hidden = self.tile(self.standardised(tiles))
        # The square is filled up with tiles from the beginning, as in the paper.
        square = hidden[torch.arange(side * side, device=hidden.device) % count]
        tokens, _ = self.first(torch.cat([self.slide, square]))
        grid = tokens[1:].T.reshape(1, -1, side, side)
        placed = grid + torch.stack([convolution(grid) for convolution in self.positions]).sum(dim=0)
        tokens = torch.cat([tokens[:1], placed.reshape(-1, side * side).T])
        tokens, attention = self.second(tokens)
        return BagOutput(self.head(tokens[0]), attention[1 : count + 1])


class SlideTransformer(BagNetwork):
    """WT of the multi-path cross-scale transformer: tokens of tiles with their tissue type and place.

    Token i is W f_i + sum over p of pi_ip E_p + sines of its row and column; ``kinds`` is how many of the
    last features are the probabilities pi of tissue types, 0 for an encoder that knows none. Zhang et al.,
    Frontiers in Oncology (2022), as reconstructed from the abstract.
    """

    def __init__(
        self,
        size: int,
        classes: int,
        *,
        width: int,
        dropout: float,
        heads: int,
        layers: int,
        kinds: int,
        hard: bool,
    ) -> None:
        super().__init__(size)
        self.kinds, self.hard, self.width = kinds, hard, width
        self.tile = nn.Linear(size - kinds, width)
        self.kind = nn.Linear(kinds, width, bias=False) if kinds else None
        self.slide = nn.Parameter(torch.randn(1, width) * 1e-2)
        self.layers = nn.ModuleList(TileAttention(width, heads, dropout) for _ in range(layers))
        self.mixers = nn.ModuleList(_mixer(width, dropout) for _ in range(layers))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, classes))

    def forward(self, tiles: Tensor, places: Tensor) -> BagOutput:
        """See ``BagNetwork``; the attention is that of the slide's token in the last layer."""
        features = self.standardised(tiles)[:, : tiles.shape[1] - self.kinds]
        tokens = self.tile(features) + sines_of(places, self.width)
        if self.kind is not None:
            types = tiles[:, -self.kinds :]
            if self.hard:
                types = torch.nn.functional.one_hot(types.argmax(dim=1), self.kinds).to(types.dtype)
            tokens = tokens + self.kind(types)
        tokens = torch.cat([self.slide, tokens])
        attention = tokens.new_zeros(len(tokens))
        for layer, mixer in zip(self.layers, self.mixers, strict=True):
            tokens, attention = layer(tokens)
            tokens = tokens + mixer(tokens)
        return BagOutput(self.head(tokens[0]), attention[1:])


def _mixer(width: int, dropout: float) -> nn.Module:
    return nn.Sequential(
        nn.LayerNorm(width),
        nn.Linear(width, 2 * width),
        nn.GELU(),
        nn.Linear(2 * width, width),
        nn.Dropout(dropout),
    )


def sines_of(places: Tensor, width: int) -> Tensor:
    """Return (n, width) sines and cosines of rows and columns, counted from the first of the bag."""
    quarter = width // 4
    steps = torch.arange(quarter, device=places.device, dtype=torch.float32)
    rates = PERIOD ** (-steps / max(1, quarter))
    start = places.amin(dim=0, keepdim=True)
    angles = (places - start).float()[:, :, None] * rates
    waves = torch.cat([angles.sin(), angles.cos()], dim=2).flatten(1)
    return torch.nn.functional.pad(waves, (0, width - waves.shape[1]))
