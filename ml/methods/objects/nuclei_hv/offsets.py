"""HoVer-Net's horizontal and vertical maps: the offset of each pixel from its nucleus's centroid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


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
