"""Narrow and wide views of a place through encoders, joined before the last layer."""

from __future__ import annotations

from torch import nn

from ml.data.variation.patches import Augmentation
from ml.methods.bases.multi_view_recipe import ScaledRecipe
from ml.methods.patches.multiscale.info import INFO, MultiScaleConfig
from ml.networks.multiscale import MultiScaleNetwork


class MultiScale(ScaledRecipe[MultiScaleConfig]):
    """Two or three scales; features concatenated, averaged or weighted."""

    info = INFO

    def new_network(self) -> nn.Module:
        """Return a new network."""
        config = self.config
        return MultiScaleNetwork(
            config.encoder,
            len(self.classes),
            config.scales,
            config.fusion,
            channels=self.depth,
            shared=config.shared,
        )

    def augmentation(self) -> Augmentation:
        """Return the augmentation of training patches; all views vary alike."""
        return Augmentation(stain=self.config.stain)
