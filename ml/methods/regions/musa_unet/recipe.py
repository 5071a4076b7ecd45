"""Regions by MUSA-UNet: a light U-Net with attention on its skips and several up-sampling paths."""

from __future__ import annotations

from torch import nn

from ml.methods.bases.region_recipe import RegionRecipe
from ml.methods.regions.musa_unet.info import INFO, MusaConfig
from ml.methods.regions.musa_unet.network import MusaNetwork


class MusaUNet(RegionRecipe[MusaConfig]):
    """Depth-wise separable, residual, with spatial attention and merged up-sampling paths."""

    info = INFO

    def _new_network(self) -> nn.Module:
        return MusaNetwork(1 + len(self.labels), self.config.width, self.state.depth)
