"""Regions by the U-Net family: a class for each pixel."""

from __future__ import annotations

from torch import nn

from ml.methods.bases.region_recipe import RegionParts, RegionRecipe, pixel_parts
from ml.methods.regions.unet.info import INFO, UNetConfig
from ml.networks.model_network import ModelNetwork
from ml.networks.unet import RegionNetwork


class UNet(RegionRecipe[UNetConfig]):
    """One of five U-Nets of MONAI, by a setting."""

    info = INFO

    def compose(self) -> RegionParts:
        """Return a U-Net, trained on outlined crops."""
        return pixel_parts(self.state, self.config, ModelNetwork(self._network))

    def _network(self) -> nn.Module:
        return RegionNetwork(self.config.kind, 1 + len(self.labels), self.config.width, self.state.depth)
