"""Attention over the tiles of a slide (ABMIL)."""

from __future__ import annotations

from ml.methods.bases.bag_network_recipe import NetworkBagRecipe
from ml.methods.slides.abmil.info import INFO, AttentionConfig
from ml.networks.bags import AttentionNetwork, BagNetwork


class AttentionBags(NetworkBagRecipe[AttentionConfig]):
    """Gated attention pooling. Ilse, Tomczak and Welling, ICML (2018)."""

    info = INFO

    def _new_network(self, size: int) -> BagNetwork:
        config = self.config
        return AttentionNetwork(size, len(self.labels), config.width, config.dropout, config.pooling)
