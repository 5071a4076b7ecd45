"""Attention over the tiles of a slide (ABMIL)."""

from __future__ import annotations

from ml.methods.bases.bag_network_parts import label_training
from ml.methods.bases.bag_recipe import BagParts, BagRecipe
from ml.methods.slides.abmil.info import INFO, AttentionConfig
from ml.networks.bags import AttentionNetwork, BagNetwork


class AttentionBags(BagRecipe[AttentionConfig]):
    """Gated attention pooling. Ilse, Tomczak and Welling, ICML (2018)."""

    info = INFO

    def compose(self) -> BagParts:
        """Return gated attention over the tiles, trained on labels of slides."""
        return label_training(self.state, self.config, self._network).parts()

    def _network(self, size: int) -> BagNetwork:
        config = self.config
        return AttentionNetwork(size, len(self.labels), config.width, config.dropout, config.pooling)
