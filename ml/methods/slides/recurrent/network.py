"""A recurrent network over the tiles with the highest scores."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.networks.bags import BagNetwork, BagOutput


class RecurrentNetwork(BagNetwork):
    """A tile classifier by its highest tile, then a GRU over the ``top`` tiles in the order of their scores.

    Campanella et al., Clinical-grade computational pathology, Nature Medicine 25:1301 (2019). ``stage`` is
    ``tiles`` while the tile classifier learns and ``order`` after that. A tile's score is the most by which
    one of its class scores lies above the mean of the slide's tiles, so that no label need be named negative.
    """

    def __init__(self, size: int, classes: int, *, width: int, dropout: float, hidden: int, top: int) -> None:
        super().__init__(size)
        self.tile = nn.Sequential(nn.Linear(size, width), nn.ReLU(), nn.Dropout(dropout))
        self.instance = nn.Linear(width, classes)
        self.recurrent = nn.GRU(width, hidden, batch_first=True)
        self.head = nn.Linear(hidden, classes)
        self.top = top
        self.stage = "order"

    def forward(self, tiles: Tensor, places: Tensor) -> BagOutput:
        """See ``BagNetwork``; only the selected tiles have attention."""
        del places
        if self.stage == "tiles":
            scores, _ = self.instance(self.tile(self.standardised(tiles))).max(dim=0)
            return BagOutput(scores, torch.zeros(len(tiles), device=tiles.device))
        with torch.no_grad():
            frozen = self.training
            self.tile.eval()
            hidden = self.tile(self.standardised(tiles))
            self.tile.train(frozen)
            raw = self.instance(hidden)
            standing = (raw - raw.mean(dim=0)).amax(dim=1)
        heaviest, chosen = standing.topk(min(self.top, len(tiles)))
        # From the least to the most telling, so that the last state has just seen the best.
        _, state = self.recurrent(hidden[chosen].flip(0)[None])
        attention = torch.zeros(len(tiles), device=tiles.device)
        attention[chosen] = torch.softmax(heaviest, dim=0)
        return BagOutput(self.head(state[0, 0]), attention)

    def loss(self, tiles: Tensor, places: Tensor, label: Tensor) -> Tensor:
        """Return the cross-entropy of the current training stage."""
        return functional.cross_entropy(self(tiles, places).scores[None], label[None])
