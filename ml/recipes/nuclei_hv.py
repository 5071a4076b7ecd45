"""Outlines of nuclei by a light network with HoVer-Net's horizontal and vertical maps.

Measured beside ``nuclei`` with the same network and budget there is no difference (claim
``nuclei-hv-depth``), so that ``nuclei`` stays the one to start with.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.data.objects import OutlinedImage
from ml.data.offsets import offsets_of
from ml.inference.splitting import split_by_offsets
from ml.networks.unet import NucleiNetwork
from ml.recipes.outlining import OutlineRecipe
from ml.recipes.windowing import Batch
from ml.training.crops import Layers, Material, padded
from ml.training.nuclei import hover_loss


class NucleiHV(OutlineRecipe, recipe="nuclei-hv"):
    """Class and offsets of each pixel, split into nuclei where offsets jump."""

    def _new_network(self) -> nn.Module:
        return NucleiNetwork(len(self.labels), 2, self.config.width)

    def _painted(self, image: OutlinedImage, side: int) -> Material:
        classes = np.where(image.instances > 0, image.classes[image.instances] + 1, 0).astype(np.uint8)
        weight = image.valid.astype(np.float32)
        return padded(image.pixels, [(classes, 0.0), (image.instances, 0.0), (weight, 0.0)], side)

    def _finish(self, layers: Layers) -> Layers:
        # Offsets are computed in the crop, since turning a crop turns them too.
        classes, instances, weight = layers
        return [classes, offsets_of(instances), weight]

    def _loss(self, found: Tensor, targets: Batch) -> Tensor:
        classes, offsets, weight = targets
        return hover_loss(found, classes, offsets, weight)

    def _split(self, scores: Tensor) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        shares = scores[:-2].softmax(dim=0).numpy()
        return shares, split_by_offsets(1 - shares[0], scores[-2:].numpy(), self.config.smallest)
