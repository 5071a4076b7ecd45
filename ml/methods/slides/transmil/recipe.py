"""A transformer over the tiles of a slide."""

from __future__ import annotations

from ml.methods.bases.bag_network_parts import heads_for, label_training
from ml.methods.bases.bag_recipe import BagParts, BagRecipe
from ml.methods.slides.settings import TransformerConfig
from ml.methods.slides.transmil.info import INFO
from ml.networks.bags import BagNetwork
from ml.networks.transmil import TransformerNetwork


class Transformer(BagRecipe[TransformerConfig]):
    """TransMIL. Shao et al., NeurIPS (2021)."""

    info = INFO

    def compose(self) -> BagParts:
        """Return a transformer over the tiles, trained on labels of slides."""
        return label_training(self.state, self.config, self._network).parts()

    def _network(self, size: int) -> BagNetwork:
        config = self.config
        heads = heads_for(config.width, config.heads)
        return TransformerNetwork(size, len(self.labels), config.width, config.dropout, heads)
