"""A transformer over the tiles of a slide."""

from __future__ import annotations

from ml.methods.bases.bag_network_recipe import NetworkBagRecipe
from ml.methods.bases.bag_recipe import heads_for
from ml.methods.slides.settings import TransformerConfig
from ml.methods.slides.transmil.info import INFO
from ml.networks.bags import BagNetwork
from ml.networks.transmil import TransformerNetwork


class Transformer(NetworkBagRecipe[TransformerConfig]):
    """TransMIL. Shao et al., NeurIPS (2021)."""

    info = INFO

    def _new_network(self, size: int) -> BagNetwork:
        config = self.config
        heads = heads_for(config.width, config.heads)
        return TransformerNetwork(size, len(self.labels), config.width, config.dropout, heads)
