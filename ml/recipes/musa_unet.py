"""Regions by MUSA-UNet: a light U-Net with attention on its skips and several ways back to full size."""

from __future__ import annotations

from torch import nn

from ml.networks.musa import MusaNetwork
from ml.recipes.segmenting import RegionRecipe


class MusaUNet(RegionRecipe, recipe="musa-unet"):
    """Depth-wise separable, residual, with spatial attention and merged up-sampling paths."""

    def _new_network(self) -> nn.Module:
        return MusaNetwork(1 + len(self.labels), self.config.width, self.depth)
