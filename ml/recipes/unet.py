"""Regions by the U-Net family: every pixel says which region it lies in."""

from __future__ import annotations

from torch import nn

from ml.networks.unet import RegionNetwork
from ml.recipes.segmenting import RegionRecipe


class UNet(RegionRecipe, recipe="unet"):
    """One of five U-Nets of MONAI, by a setting."""

    def _new_network(self) -> nn.Module:
        return RegionNetwork(self.config.kind, 1 + len(self.labels), self.config.width, self.depth)
