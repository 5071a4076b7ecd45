"""HoVer-Net's horizontal and vertical maps: the offset of each pixel from its nucleus's centroid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from ml.data.objects import OutlinedImage
from ml.inference.outline_finder import Maps
from ml.inference.splitting import Cut, split_by_offsets
from ml.training.crop_trainer import Batch
from ml.training.crops import Layers, Material, padded
from ml.training.nuclei import hover_loss


def offsets_of(instances: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return offsets (2, h, w) of each pixel to the right of and below its object's centroid.

    Scaled to -1..1 on each side of the centroid; 0 outside objects. Graham et al., Medical Image Analysis
    58:101563 (2019).
    """
    offsets = np.zeros((2, *instances.shape), dtype=np.float32)
    for number, place in enumerate(ndimage.find_objects(instances), start=1):
        if place is None:
            continue
        rows, columns = np.nonzero(instances[place] == number)
        for layer, values in ((0, columns), (1, rows)):
            away = values - values.mean()
            low, high = max(1e-6, float(-away.min())), max(1e-6, float(away.max()))
            offsets[layer][place][rows, columns] = np.where(away < 0, away / low, away / high)
    return offsets


class OffsetTargets:
    """The class of each pixel, and its offsets from the centre of the nucleus."""

    def paint(self, image: OutlinedImage, side: int) -> Material:
        """Return an image with classes, instances and weights."""
        classes = np.where(image.instances > 0, image.classes[image.instances] + 1, 0).astype(np.uint8)
        weight = image.valid.astype(np.float32)
        return padded(image.pixels, [(classes, 0.0), (image.instances, 0.0), (weight, 0.0)], side)

    def finish(self, layers: Layers) -> Layers:
        """Return classes, offsets and weights of a crop."""
        # Offsets are computed in the crop, since turning a crop turns them too.
        classes, instances, weight = layers
        return [classes, offsets_of(instances), weight]

    def loss(self, scores: Tensor, targets: Batch) -> Tensor:
        """Return the loss of class and offsets."""
        classes, offsets, weight = targets
        return hover_loss(scores, classes, offsets, weight)


@dataclass(frozen=True)
class OffsetSplitter:
    """Watershed between steep offsets; objects below ``smallest`` pixels are dropped."""

    smallest: int

    @property
    def partings(self) -> Sequence[tuple[float, float]]:
        """Return the pairs of smoothing and limit to choose from, the usual one first."""
        # HoVer-Net's own is a Sobel kernel of 21 pixels at 40x.
        return [(smooth, limit) for smooth in (2.5, 1.5, 3.5) for limit in (0.55, 0.45, 0.65)]

    def maps(self, scores: Tensor) -> Maps:
        """Return class shares and offsets, of scores (c, h, w)."""
        return scores[:-2].softmax(dim=0).numpy(), scores[-2:].numpy()

    def instances(self, maps: Maps, cut: Cut) -> NDArray[np.int32]:
        """Return instances (h, w), 0 background."""
        shares, offsets = maps
        return split_by_offsets(1 - shares[0], offsets, self.smallest, cut)
