"""Networks over the spatial arrangement of tiles."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.networks.bags import BagNetwork, BagOutput, GatedAttention

SHIFTS = tuple((down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if (down, right) != (0, 0))
LARGEST = 256
SYMMETRIES = 8


class SparseAttentionNetwork(BagNetwork):
    """Spatially sparse attention: smoothed over neighbours, then zero on most tiles.

    Scores of gated attention are averaged over the 3 x 3 neighbours that exist, and become weights by
    sparsemax (Martins and Astudillo, ICML 2016) or by the K highest with the gradient of the softmax. The
    loss adds ``smoothness`` times the squared differences between neighbours, and a penalty where the entropy
    of the weights falls below ``floor``. Our reading of SS-MIL; no paper of that name is known to us.

    A choice that is sparse from the start sees a few chance tiles only and learns from no others, so the
    weights are a softmax while ``stage`` is ``soft``, which comes first in training.
    """

    def __init__(
        self,
        size: int,
        classes: int,
        *,
        width: int,
        dropout: float,
        heat: float,
        smoothness: float,
        smooth: bool,
        top: int,
        floor: float,
    ) -> None:
        super().__init__(size)
        self.tile = nn.Sequential(nn.Linear(size, width), nn.ReLU(), nn.Dropout(dropout))
        self.attention = GatedAttention(width, max(8, width // 2))
        self.head = nn.Linear(width, classes)
        self.heat, self.smoothness, self.smooth, self.top, self.floor = heat, smoothness, smooth, top, floor
        self.stage = "sparse"

    def forward(self, tiles: Tensor, places: Tensor) -> BagOutput:
        """See ``BagNetwork``; the attention is zero on all but the key patches."""
        return self._looked(tiles, neighbours_of(places))

    def loss(self, tiles: Tensor, places: Tensor, label: Tensor) -> Tensor:
        """Return the cross-entropy plus a penalty on differences between neighbours."""
        near = neighbours_of(places)
        output = self._looked(tiles, near)
        value = functional.cross_entropy(output.scores[None], label[None])
        there = near >= 0
        gaps = (output.attention[:, None] - output.attention[near.clamp(min=0)]) ** 2
        # Each pair is seen from both sides.
        value = value + self.smoothness * gaps[there].sum() / 2
        if self.floor > 0:
            weights = output.attention.clamp(min=1e-8)
            value = value + functional.relu(self.floor + (weights * weights.log()).sum())
        return value

    def _looked(self, tiles: Tensor, near: Tensor) -> BagOutput:
        hidden = self.tile(self.standardised(tiles))
        scores = self.attention(hidden)[:, 0]
        if self.smooth:
            scores = mean_of_neighbours(scores, near)
        return BagOutput(self.head((weights := self._weights(scores)) @ hidden), weights)

    def _weights(self, scores: Tensor) -> Tensor:
        if self.stage == "soft":
            return torch.softmax(scores, dim=0)
        return highest(scores, self.top) if self.top else sparsemax(scores / self.heat)


class SparseConvNetwork(BagNetwork):
    """Sparse convolutions over the map of tiles; empty places stay empty.

    Lerousseau et al., SparseConvMIL, COMPAY (2021): tiles are laid on a grid of at most 256 x 256, convolved
    twice with 3 x 3 kernels, the result being kept only where tiles are, pooled over those, and classified.
    """

    def __init__(
        self, size: int, classes: int, *, width: int, channels: int, dropout: float, pool: str, vary: bool
    ) -> None:
        super().__init__(size)
        self.tile = nn.Sequential(nn.Linear(size, width), nn.ReLU(), nn.Dropout(dropout))
        self.first = nn.Conv2d(width, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.head = nn.Linear(channels, classes)
        self.pool, self.vary = pool, vary

    def forward(self, tiles: Tensor, places: Tensor) -> BagOutput:
        """See ``BagNetwork``; the attention is each place's contribution to the likeliest label."""
        if self.training and self.vary:
            places = varied_places(places)
        cells, rows, columns = cells_of(places)
        hidden = self.tile(self.standardised(tiles))
        grid = hidden.new_zeros(rows * columns, hidden.shape[1]).index_add_(0, cells, hidden)
        counts = torch.bincount(cells, minlength=rows * columns)
        grid = grid / counts.clamp(min=1)[:, None]
        active = (counts > 0).to(hidden.dtype).reshape(1, 1, rows, columns)
        maps = grid.T.reshape(1, -1, rows, columns)
        maps = torch.relu(self.first(maps)) * active
        maps = (torch.relu(self.second(maps)) * active).flatten(2)[0]
        there = maps[:, counts > 0]
        pooled = there.mean(dim=1) if self.pool == "mean" else there.amax(dim=1)
        scores = self.head(pooled)
        evidence = torch.relu(self.head.weight[scores.argmax()] @ maps)[cells]
        return BagOutput(scores, evidence)


def neighbours_of(places: Tensor) -> Tensor:
    """Return int64 (n, 8): the index of the tile at each of the eight neighbouring places, -1 for none."""
    start = places.amin(dim=0)
    rows, columns = (places - start + 1).T
    wide = int(columns.max()) + 2
    numbers = places.new_full(((int(rows.max()) + 2) * wide,), -1)
    numbers[rows * wide + columns] = torch.arange(len(places), device=places.device)
    around = [(rows + down) * wide + columns + right for down, right in SHIFTS]
    return numbers[torch.stack(around, dim=1)]


def mean_of_neighbours(values: Tensor, near: Tensor) -> Tensor:
    """Return for each tile the mean of its own value (n,) and those of its neighbours."""
    there = (near >= 0).to(values.dtype)
    total = values + (values[near.clamp(min=0)] * there).sum(dim=1)
    return total / (1 + there.sum(dim=1))


def sparsemax(scores: Tensor) -> Tensor:
    """Return the point of the simplex nearest to ``scores`` (n,): many entries are exactly 0."""
    ordered, _ = scores.sort(descending=True)
    total = ordered.cumsum(dim=0)
    count = torch.arange(1, len(scores) + 1, device=scores.device)
    support = int((1 + count * ordered > total).sum())
    threshold = (total[support - 1] - 1) / support
    return torch.relu(scores - threshold)


def highest(scores: Tensor, top: int) -> Tensor:
    """Return equal weights on the ``top`` highest scores, with the gradient of the softmax."""
    soft = torch.softmax(scores, dim=0)
    chosen = scores.topk(min(top, len(scores))).indices
    hard = torch.zeros_like(soft)
    hard[chosen] = 1 / len(chosen)
    return hard + soft - soft.detach()


def cells_of(places: Tensor) -> tuple[Tensor, int, int]:
    """Return the cell (n,) of each tile, and rows and columns of a map of at most 256 x 256 cells."""
    moved = places - places.amin(dim=0)
    step = -(-(int(moved.max()) + 1) // LARGEST)
    moved = moved // step
    rows, columns = int(moved[:, 0].max()) + 1, int(moved[:, 1].max()) + 1
    return moved[:, 0] * columns + moved[:, 1], rows, columns


def varied_places(places: Tensor) -> Tensor:
    """Return the map turned or mirrored, and a tenth of its tiles moved by one place."""
    symmetry = int(torch.randint(SYMMETRIES, ()))
    if symmetry & 1:
        places = places.flip(1)
    signs = places.new_tensor([-1 if symmetry & 2 else 1, -1 if symmetry & 4 else 1])
    moves = torch.randint(-1, 2, places.shape, device=places.device)
    moves = moves * (torch.rand(len(places), 1, device=places.device) < 0.1)  # noqa: PLR2004 - as said above
    return places * signs + moves
