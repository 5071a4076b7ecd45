"""Numbers about the nuclei of a patch, from a quick threshold on haematoxylin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

SIZE = 12
BINS = 64
SMALLEST = 8
CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=bool)


def otsu(values: NDArray[np.float32], low: float, high: float) -> float:
    """Return the threshold in low..high that best separates the values into two classes."""
    codes = np.clip((values - low) * (BINS / (high - low)), 0, BINS - 1).astype(np.uint8)
    counts = np.bincount(codes.ravel(), minlength=BINS).astype(np.float64)
    below = np.cumsum(counts)
    sums = np.cumsum(counts * np.arange(BINS))
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    best = int(np.nanargmax(np.where(np.isfinite(between), between, -1.0)))
    return low + (best + 1) * (high - low) / BINS


def describe_nuclei(haematoxylin: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (12,) numbers: threshold, share, count, sizes, elongation, density of dark blobs.

    ``haematoxylin`` (rows, columns) is a concentration; sizes are in its pixels.
    """
    smooth = ndimage.uniform_filter(haematoxylin, 3, mode="nearest")
    threshold = otsu(smooth, 0.0, 2.0)
    mask = ndimage.binary_opening(smooth > threshold, CROSS)
    blobs, count = ndimage.label(mask)
    values = np.zeros(SIZE)
    values[0] = threshold
    values[1] = mask.mean()
    values[2] = smooth[mask].mean() - smooth[~mask].mean() if 0 < values[1] < 1 else 0.0
    if count:
        values[3:] = _shapes(blobs, haematoxylin, count)
    return values


def _shapes(blobs: NDArray[np.int32], density: NDArray[np.float32], count: int) -> NDArray[np.float64]:
    rows, columns = np.nonzero(blobs)
    which = blobs[rows, columns]
    area = np.bincount(which, minlength=count + 1)[1:].astype(np.float64)
    large = area >= SMALLEST
    if not large.any():
        return np.zeros(SIZE - 3)

    def mean_of(values: NDArray[np.float64]) -> NDArray[np.float64]:
        total: NDArray[np.float64] = np.bincount(which, values, minlength=count + 1)[1:] / area
        return total

    y, x = mean_of(rows.astype(np.float64)), mean_of(columns.astype(np.float64))
    dy, dx = rows - y[which - 1], columns - x[which - 1]
    yy, xx, xy = mean_of(dy * dy), mean_of(dx * dx), mean_of(dy * dx)
    gap = np.sqrt((yy - xx) ** 2 + 4 * xy**2)
    longest, shortest = (yy + xx + gap) / 2 + 1 / 12, (yy + xx - gap) / 2 + 1 / 12
    elongation = np.sqrt(longest / np.maximum(shortest, 1 / 12))[large]
    # An ellipse covers 4 pi times the root of the product of its moments: below 1 it is ragged.
    solid = area[large] / (4 * np.pi * np.sqrt(longest * np.maximum(shortest, 1 / 12)))[large]
    dark = mean_of(density[rows, columns].astype(np.float64))[large]
    size = np.sqrt(area[large])
    return np.array(
        [
            np.log1p(large.sum()),
            size.mean(),
            size.std(),
            np.median(size),
            size.max(),
            elongation.mean(),
            elongation.std(),
            solid.mean(),
            dark.std(),
        ]
    )
