"""Two streams: the critical tile, and attention by similarity to it (DSMIL)."""

from __future__ import annotations

from ml.methods.bases.bag_network_parts import label_training
from ml.methods.bases.bag_recipe import BagParts, BagRecipe
from ml.methods.slides.dsmil.info import INFO, DualStreamConfig
from ml.methods.slides.dsmil.network import DualStreamNetwork
from ml.networks.bags import BagNetwork


class DualStream(BagRecipe[DualStreamConfig]):
    """DSMIL. Li, Li and Eliceiri, CVPR (2021)."""

    info = INFO

    def compose(self) -> BagParts:
        """Return two streams over the tiles, trained on labels of slides."""
        return label_training(self.state, self.config, self._network).parts()

    def _network(self, size: int) -> BagNetwork:
        config = self.config
        return DualStreamNetwork(size, len(self.labels), config.width, config.dropout, average=config.average)
