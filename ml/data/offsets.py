"""Where in its own nucleus each pixel lies: HoVer-Net's horizontal and vertical maps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


def offsets_of(instances: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return (2, h, w): how far right of and below its object's centroid each pixel lies.

    Scaled to -1..1 on each side of the centroid; 0 outside objects. Graham et al., Medical Image Analysis
    58:101563 (2019).
    """
    found = np.zeros((2, *instances.shape), dtype=np.float32)
    for number, place in enumerate(ndimage.find_objects(instances), start=1):
        if place is None:
            continue
        rows, columns = np.nonzero(instances[place] == number)
        for layer, values in ((0, columns), (1, rows)):
            away = values - values.mean()
            low, high = max(1e-6, float(-away.min())), max(1e-6, float(away.max()))
            found[layer][place][rows, columns] = np.where(away < 0, away / low, away / high)
    return found
