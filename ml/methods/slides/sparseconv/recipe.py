"""Sparse convolutions over the map of tiles."""

from __future__ import annotations

from ml.methods.bases.bag_network_parts import label_training
from ml.methods.bases.bag_recipe import BagParts, BagRecipe
from ml.methods.slides.sparseconv.info import INFO, SparseConvConfig
from ml.networks.bags import BagNetwork
from ml.networks.spatial import SparseConvNetwork


class SparseConvolution(BagRecipe[SparseConvConfig]):
    """SparseConvMIL with dense arrays and a mask: the same maths. Lerousseau et al., COMPAY (2021)."""

    info = INFO

    def compose(self) -> BagParts:
        """Return convolutions over the map of tiles, trained on labels of slides."""
        return label_training(self.state, self.config, self._network).parts()

    def _network(self, size: int) -> BagNetwork:
        config = self.config
        return SparseConvNetwork(
            size,
            len(self.labels),
            width=config.width,
            channels=config.channels,
            dropout=config.dropout,
            pool=config.pool,
            vary=config.vary,
        )
