"""A transformer over the tiles of a slide."""

from __future__ import annotations

from ml.networks.bags import BagNetwork
from ml.networks.transmil import TransformerNetwork
from ml.recipes.bag_network import NetworkBagRecipe
from ml.recipes.bagging import heads_for


class Transformer(NetworkBagRecipe, recipe="transmil"):
    """TransMIL. Shao et al., NeurIPS (2021)."""

    def _new_network(self, size: int) -> BagNetwork:
        config = self.config
        heads = heads_for(config.width, config.heads)
        return TransformerNetwork(size, len(self.labels), config.width, config.dropout, heads)
