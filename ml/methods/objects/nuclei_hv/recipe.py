"""Outlines of nuclei by a light network with HoVer-Net's horizontal and vertical maps.

Measured beside ``nuclei`` with the same network and budget there is no difference (claim
``nuclei-hv-depth``), so that ``nuclei`` stays the one to start with.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.data.objects import OutlinedImage
from ml.inference.splitting import Cut, split_by_offsets
from ml.methods.bases.outline_recipe import Maps, OutlineRecipe
from ml.methods.bases.window_recipe import Batch
from ml.methods.objects.nuclei_hv.info import INFO
from ml.methods.objects.nuclei_hv.offsets import offsets_of
from ml.methods.objects.settings import NucleiConfig
from ml.networks.unet import NucleiNetwork
from ml.training.crops import Layers, Material, padded
from ml.training.nuclei import hover_loss


class NucleiHV(OutlineRecipe[NucleiConfig]):
    """Class and offsets of each pixel, split into nuclei at jumps of the offsets."""

    info = INFO

    # HoVer-Net's own is a Sobel kernel of 21 pixels at 40x.
    partings = tuple((smooth, limit) for smooth in (2.5, 1.5, 3.5) for limit in (0.55, 0.45, 0.65))

    def _new_network(self) -> nn.Module:
        return NucleiNetwork(len(self.labels), 2, self.config.width, self.state.depth)

    def _painted(self, image: OutlinedImage, side: int) -> Material:
        classes = np.where(image.instances > 0, image.classes[image.instances] + 1, 0).astype(np.uint8)
        weight = image.valid.astype(np.float32)
        return padded(image.pixels, [(classes, 0.0), (image.instances, 0.0), (weight, 0.0)], side)

    def _finish(self, layers: Layers) -> Layers:
        # Offsets are computed in the crop, since turning a crop turns them too.
        classes, instances, weight = layers
        return [classes, offsets_of(instances), weight]

    def _loss(self, scores: Tensor, targets: Batch) -> Tensor:
        classes, offsets, weight = targets
        return hover_loss(scores, classes, offsets, weight)

    def _maps(self, scores: Tensor) -> Maps:
        return scores[:-2].softmax(dim=0).numpy(), scores[-2:].numpy()

    def _instances(self, maps: Maps, cut: Cut) -> NDArray[np.int32]:
        shares, offsets = maps
        return split_by_offsets(1 - shares[0], offsets, self.config.smallest, cut)
