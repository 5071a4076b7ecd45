"""Attention over the tiles of a slide: which of them speak for its label."""

from __future__ import annotations

from ml.networks.bags import AttentionNetwork, BagNetwork
from ml.recipes.bag_network import NetworkBagRecipe


class AttentionBags(NetworkBagRecipe, recipe="abmil"):
    """Gated attention pooling. Ilse, Tomczak and Welling, ICML (2018)."""

    def _new_network(self, size: int) -> BagNetwork:
        config = self.config
        return AttentionNetwork(size, len(self.labels), config.width, config.dropout, config.pooling)
