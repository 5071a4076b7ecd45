"""Self-supervised features of a slide: subsets of one slide are alike, other slides are not."""

from __future__ import annotations

from torch import Tensor, nn

from ml.networks.bags import AttentionNetwork, BagNetwork, BagOutput


class ContrastiveNetwork(BagNetwork):
    """Attention over tiles to a slide vector, with a projection head for the contrastive loss."""

    def __init__(self, size: int, classes: int, width: int, dropout: float, projection: int) -> None:
        super().__init__(size)
        self.slide = AttentionNetwork(size, classes, width, dropout)
        self.projection = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, projection))

    def forward(self, tiles: Tensor, places: Tensor) -> BagOutput:
        """See ``BagNetwork``."""
        output: BagOutput = self.slide(self.standardised(tiles), places)
        return output

    def projected(self, tiles: Tensor) -> Tensor:
        """Return the projection (p,) of the slide's vector."""
        vector, _ = self.slide.vector(self.standardised(tiles))
        projection: Tensor = self.projection(vector)
        return projection
