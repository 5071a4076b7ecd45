"""Attention with clustering of instances (CLAM)."""

from __future__ import annotations

from ml.methods.bases.bag_network_parts import label_training
from ml.methods.bases.bag_recipe import BagParts, BagRecipe
from ml.methods.slides.clam.info import INFO, ClamConfig
from ml.methods.slides.clam.network import ClamNetwork
from ml.networks.bags import BagNetwork


class Clam(BagRecipe[ClamConfig]):
    """CLAM-SB and CLAM-MB. Lu et al., Nature Biomedical Engineering 5:555 (2021)."""

    info = INFO

    def compose(self) -> BagParts:
        """Return attention with clustering of instances, trained on labels of slides."""
        return label_training(self.state, self.config, self._network).parts()

    def _network(self, size: int) -> BagNetwork:
        config = self.config
        return ClamNetwork(
            size,
            len(self.labels),
            width=config.width,
            dropout=config.dropout,
            branches=len(self.labels) if config.branches == "multiple" else 1,
            instances=config.instances,
            exclusive=config.exclusive,
            smooth=config.instance_loss == "svm",
        )
