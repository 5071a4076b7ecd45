"""Spatially sparse attention: a few contiguous key patches."""

from __future__ import annotations

from typing import cast

from ml.methods.bases.bag_network_parts import label_training
from ml.methods.bases.bag_recipe import BagParts, BagRecipe
from ml.methods.slides.ssmil.info import INFO, SparseAttentionConfig
from ml.networks.bags import BagNetwork
from ml.networks.spatial import SparseAttentionNetwork
from ml.training.bag_trainer import StagedBagTrainer

STAGES = ("soft", "sparse")


class SparseAttention(BagRecipe[SparseAttentionConfig]):
    """Spatially sparse multiple instance learning, in our reading."""

    info = INFO

    def compose(self) -> BagParts:
        """Return attention with soft weights for half of the epochs, then with sparse ones."""
        training = label_training(self.state, self.config, self._network, stages=len(STAGES))
        return training.parts(StagedBagTrainer(training.trainer, STAGES, _enter))

    def _network(self, size: int) -> BagNetwork:
        config = self.config
        return SparseAttentionNetwork(
            size,
            len(self.labels),
            width=config.width,
            dropout=config.dropout,
            heat=config.heat,
            smoothness=config.smoothness,
            smooth=config.neighbours,
            top=0 if config.choice == "sparsemax" else config.top,
            floor=config.entropy_floor,
        )


def _enter(network: BagNetwork, stage: str) -> None:
    """Switch the network to a stage of its training."""
    cast("SparseAttentionNetwork", network).stage = stage
