"""Near and wide views of a place through encoders, joined before the last layer."""

from __future__ import annotations

from torch import nn

from ml.data.augmentation import Variation
from ml.networks.multiscale import MultiScaleNetwork
from ml.recipes.scaled import ScaledRecipe


class MultiScale(ScaledRecipe, recipe="multiscale"):
    """Two or three scales; features joined, averaged or weighed."""

    def new_network(self) -> nn.Module:
        """Return a fresh network."""
        config = self.config
        return MultiScaleNetwork(
            config.encoder,
            len(self.classes),
            config.scales,
            config.fusion,
            channels=self.depth,
            shared=config.shared,
        )

    def variation(self) -> Variation:
        """Return how training patches are varied; all views of one alike."""
        return Variation(stain=self.config.stain)
