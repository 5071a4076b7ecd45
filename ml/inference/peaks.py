"""Detections from heat maps: local maxima, and non-maximum suppression of boxes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

LOWEST = 0.05
Floats = NDArray[np.float64]


def peaks_of(
    heat: NDArray[np.float32], reach: int, lowest: float = LOWEST
) -> tuple[Floats, NDArray[np.float32]]:
    """Return (row, column) (n, 2) and height (n,) of the maxima within ``reach`` pixels of heat (h, w)."""
    highest = ndimage.maximum_filter(heat, 2 * reach + 1, mode="constant")
    blobs, count = ndimage.label((heat == highest) & (heat >= lowest), np.ones((3, 3)))
    middle = np.array(ndimage.center_of_mass(blobs > 0, blobs, np.arange(1, count + 1))).reshape(-1, 2)
    place = np.rint(middle).astype(int)
    return middle, heat[place[:, 0], place[:, 1]]


def keep_apart(boxes: Floats, score: NDArray[np.float32], most: float) -> NDArray[np.intp]:
    """Return which boxes (n, 4) remain, by decreasing score, after dropping those that overlap a better one.

    Overlap is the intersection over the union; ``most`` is the greatest that is borne.
    """
    left = np.argsort(-score, kind="stable")
    kept = []
    while len(left):
        first, left = left[0], left[1:]
        kept.append(first)
        left = left[overlaps(boxes[first : first + 1], boxes[left])[0] <= most]
    return np.array(kept, dtype=np.intp)


def overlaps(first: Floats, second: Floats) -> Floats:
    """Return the intersection over the union (n, m) of boxes (n, 4) and (m, 4) = left, top, right, bottom."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (first, second)]
    union = areas[0][:, None] + areas[1][None] - common
    overlap: Floats = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    return overlap
