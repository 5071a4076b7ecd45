"""A recurrent network over the tiles with the highest scores."""

from __future__ import annotations

from typing import cast

from ml.methods.bases.bag_network_parts import label_training
from ml.methods.bases.bag_recipe import BagParts, BagRecipe
from ml.methods.slides.recurrent.info import INFO, RecurrentConfig
from ml.methods.slides.recurrent.network import RecurrentNetwork
from ml.networks.bags import BagNetwork
from ml.training.bag_trainer import StagedBagTrainer

STAGES = ("tiles", "order")


class Recurrent(BagRecipe[RecurrentConfig]):
    """Max-pooled tile classifier, then a GRU. Campanella et al., Nature Medicine 25:1301 (2019)."""

    info = INFO

    def compose(self) -> BagParts:
        """Return a tile classifier, then a recurrent network over its highest tiles."""
        training = label_training(self.state, self.config, self._network)
        return training.parts(StagedBagTrainer(training.trainer, STAGES, _enter))

    def _network(self, size: int) -> BagNetwork:
        config = self.config
        return RecurrentNetwork(
            size,
            len(self.labels),
            width=config.width,
            dropout=config.dropout,
            hidden=config.hidden,
            top=config.top,
        )


def _enter(network: BagNetwork, stage: str) -> None:
    """Switch the network to a stage of its training."""
    cast("RecurrentNetwork", network).stage = stage
