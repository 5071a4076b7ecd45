"""Outlines of nuclei by a light network with HoVer-Net's horizontal and vertical maps.

Measured beside ``nuclei`` with the same network and budget there is no difference (claim
``nuclei-hv-depth``), so that ``nuclei`` stays the one to start with.
"""

from __future__ import annotations

from torch import nn

from ml.inference.window_network import WindowNetwork
from ml.methods.bases.object_parts import outline_parts
from ml.methods.bases.object_recipe import ObjectParts, ObjectRecipe
from ml.methods.objects.nuclei_hv.info import INFO
from ml.methods.objects.nuclei_hv.offsets import OffsetSplitter, OffsetTargets
from ml.methods.objects.settings import NucleiConfig
from ml.networks.model_network import ModelNetwork
from ml.networks.unet import NucleiNetwork


class NucleiHV(ObjectRecipe[NucleiConfig]):
    """Class and offsets of each pixel, split into nuclei at jumps of the offsets."""

    info = INFO

    def compose(self) -> ObjectParts:
        """Return a U-Net of class and offsets, and the watershed between steep offsets."""
        network = WindowNetwork(ModelNetwork(self._network))
        splitter = OffsetSplitter(self.config.smallest)
        return outline_parts(self.state, self.config, network, OffsetTargets(), splitter)

    def _network(self) -> nn.Module:
        return NucleiNetwork(len(self.labels), 2, self.config.width, self.state.depth)
