"""Attention with clustering of instances."""

from __future__ import annotations

from ml.networks.bags import BagNetwork
from ml.networks.clam import ClamNetwork
from ml.recipes.bag_network import NetworkBagRecipe


class Clam(NetworkBagRecipe, recipe="clam"):
    """CLAM-SB and CLAM-MB. Lu et al., Nature Biomedical Engineering 5:555 (2021)."""

    def _new_network(self, size: int) -> BagNetwork:
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
