"""Regions by the U-Net family: a class for each pixel."""

from __future__ import annotations

from torch import nn

from ml.methods.bases.region_recipe import RegionRecipe
from ml.methods.regions.unet.info import INFO, UNetConfig
from ml.networks.unet import RegionNetwork


class UNet(RegionRecipe[UNetConfig]):
    """One of five U-Nets of MONAI, by a setting."""

    info = INFO

    def _new_network(self) -> nn.Module:
        return RegionNetwork(self.config.kind, 1 + len(self.labels), self.config.width, self.state.depth)
