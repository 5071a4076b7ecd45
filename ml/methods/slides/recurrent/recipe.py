"""A recurrent network over the tiles with the highest scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from ml.contracts import Context
from ml.data.bags import Bag
from ml.methods.bases.bag_network_recipe import NetworkBagRecipe, stage_of
from ml.methods.slides.recurrent.info import INFO, RecurrentConfig
from ml.methods.slides.recurrent.network import RecurrentNetwork
from ml.networks.bags import BagNetwork


class Recurrent(NetworkBagRecipe[RecurrentConfig]):
    """Max-pooled tile classifier, then a GRU. Campanella et al., Nature Medicine 25:1301 (2019)."""

    info = INFO

    def _new_network(self, size: int) -> BagNetwork:
        config = self.config
        return RecurrentNetwork(
            size,
            len(self.labels),
            width=config.width,
            dropout=config.dropout,
            hidden=config.hidden,
            top=config.top,
        )

    def _fit(
        self, network: BagNetwork, learned: Sequence[Bag], held: Sequence[Bag], context: Context
    ) -> None:
        """Train the tile classifier, then the recurrent network over its highest tiles."""
        staged = cast("RecurrentNetwork", network)
        staged.stage = "tiles"
        super()._fit(network, learned, held, stage_of(context, "tiles", (0.0, 0.5)))
        staged.stage = "order"
        super()._fit(network, learned, held, stage_of(context, "order", (0.5, 1.0)))
