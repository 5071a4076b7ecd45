"""Regions by MUSA-UNet: a light U-Net with attention on its skips and several up-sampling paths."""

from __future__ import annotations

from torch import nn

from ml.methods.bases.region_recipe import RegionParts, RegionRecipe, pixel_parts
from ml.methods.regions.musa_unet.info import INFO, MusaConfig
from ml.methods.regions.musa_unet.network import MusaNetwork
from ml.networks.model_network import ModelNetwork


class MusaUNet(RegionRecipe[MusaConfig]):
    """Depth-wise separable, residual, with spatial attention and merged up-sampling paths."""

    info = INFO

    def compose(self) -> RegionParts:
        """Return a light U-Net with attention, trained on outlined crops."""
        return pixel_parts(self.state, self.config, ModelNetwork(self._network))

    def _network(self) -> nn.Module:
        return MusaNetwork(1 + len(self.labels), self.config.width, self.state.depth)
