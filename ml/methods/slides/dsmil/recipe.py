"""Two streams: the critical tile, and attention by similarity to it (DSMIL)."""

from __future__ import annotations

from ml.methods.bases.bag_network_recipe import NetworkBagRecipe
from ml.methods.slides.dsmil.info import INFO, DualStreamConfig
from ml.methods.slides.dsmil.network import DualStreamNetwork
from ml.networks.bags import BagNetwork


class DualStream(NetworkBagRecipe[DualStreamConfig]):
    """DSMIL. Li, Li and Eliceiri, CVPR (2021)."""

    info = INFO

    def _new_network(self, size: int) -> BagNetwork:
        config = self.config
        return DualStreamNetwork(size, len(self.labels), config.width, config.dropout, average=config.average)
