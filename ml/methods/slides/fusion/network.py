"""Fusion of a slide's tiles with the patient's clinical fields."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ml.networks.bags import AttentionNetwork, BagNetwork, BagOutput

SIDE = 32
JOINED = 64
MISSING = 0.25


class FusionNetwork(BagNetwork):
    """Tiles under attention and clinical fields, fused ``late``, ``early``, by ``kronecker``, or one alone.

    ``outputs`` numbers come out: scores of labels, then what the survival head needs. ``nothing`` is how a
    case without any known field looks. Kronecker: gated bilinear fusion of Chen et al., Pathomic Fusion, IEEE
    Transactions on Medical Imaging 41(4):757 (2022).
    """

    nothing: Tensor

    def __init__(
        self, size: int, outputs: int, *, width: int, dropout: float, how: str, nothing: Tensor
    ) -> None:
        super().__init__(size)
        self.how = how
        self.register_buffer("nothing", nothing)
        self.image = AttentionNetwork(size, outputs, width, dropout)
        self.clinical = nn.Sequential(
            nn.Linear(len(nothing), SIDE), nn.ReLU(), nn.Dropout(MISSING), nn.Linear(SIDE, SIDE), nn.ReLU()
        )
        self.clinical_head = nn.Linear(SIDE, outputs)
        self.share = nn.Parameter(torch.zeros(()))
        self.joint: nn.Module = nn.Identity()
        if how == "early":
            self.joint = nn.Sequential(
                nn.Linear(width + SIDE, JOINED), nn.ReLU(), nn.Dropout(MISSING), nn.Linear(JOINED, outputs)
            )
        elif how == "kronecker":
            self.joint = KroneckerFusion(width, SIDE, outputs)

    def forward(self, tiles: Tensor, places: Tensor, case: Tensor | None = None) -> BagOutput:
        """See ``BagNetwork``; ``case`` (m,) are the clinical numbers, all missing where omitted."""
        del places
        parts, attention = self.parts(tiles, case)
        return BagOutput(parts[0], attention)

    def parts(self, tiles: Tensor, case: Tensor | None = None) -> tuple[list[Tensor], Tensor]:
        """Return the trained outputs, the main one first, and the attention (n,)."""
        vector, attention = self.image.vector(self.standardised(tiles))
        if self.how == "image":
            return [self.image.head(vector)], attention
        known = self.clinical(self.nothing if case is None else case)
        if self.how == "clinical":
            return [self.clinical_head(known)], torch.full_like(attention, 1 / len(attention))
        if self.how == "late":
            sides = [self.image.head(vector), self.clinical_head(known)]
            share = torch.sigmoid(self.share)
            return [share * sides[0] + (1 - share) * sides[1], *sides], attention
        if self.how == "early":
            return [self.joint(torch.cat([vector, known]))], attention
        return [self.joint(vector, known)], attention


class KroneckerFusion(nn.Module):
    """Each side gated by both, one appended, their outer product, and the sides again."""

    def __init__(self, first: int, second: int, outputs: int) -> None:
        super().__init__()
        sizes = (first, second)
        self.reduce = nn.ModuleList(nn.Linear(size, SIDE) for size in sizes)
        self.gates = nn.ModuleList(nn.Bilinear(first, second, SIDE) for _ in sizes)
        self.mix = nn.ModuleList(
            nn.Sequential(nn.Linear(SIDE, SIDE), nn.ReLU(), nn.Dropout(MISSING)) for _ in sizes
        )
        self.product = nn.Sequential(nn.Dropout(MISSING), nn.Linear((SIDE + 1) ** 2, JOINED), nn.ReLU())
        self.join = nn.Sequential(
            nn.Linear(JOINED + 2 * SIDE, JOINED), nn.ReLU(), nn.Dropout(MISSING), nn.Linear(JOINED, outputs)
        )

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the outputs for two vectors."""
        sides = []
        for vector, reduce, gate, mix in zip((first, second), self.reduce, self.gates, self.mix, strict=True):
            opened = torch.sigmoid(gate(first, second))
            sides.append(mix(opened * torch.relu(reduce(vector))))
        one = first.new_ones(1)
        outer = torch.outer(torch.cat([sides[0], one]), torch.cat([sides[1], one])).flatten()
        joined: Tensor = self.join(torch.cat([self.product(outer), *sides]))
        return joined
