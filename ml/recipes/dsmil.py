"""Two streams: the critical tile, and attention by likeness to it."""

from __future__ import annotations

from ml.networks.bags import BagNetwork
from ml.networks.dsmil import DualStreamNetwork
from ml.recipes.bag_network import NetworkBagRecipe


class DualStream(NetworkBagRecipe, recipe="dsmil"):
    """DSMIL. Li, Li and Eliceiri, CVPR (2021)."""

    def _new_network(self, size: int) -> BagNetwork:
        config = self.config
        return DualStreamNetwork(size, len(self.labels), config.width, config.dropout, average=config.average)
