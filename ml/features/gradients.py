"""Histograms of gradients and of local binary patterns of a tile, by place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.feature import hog, local_binary_pattern

from ml.slides.stain_separation import join_stains, separate_stains

DIRECTIONS, CELL, BLOCK = 9, 8, 2
PATTERNS = ((8, 1), (16, 2))
PLACES = 4
# The 99th percentile of haematoxylin and eosin that tiles are brought to, as decimal densities.
USUAL = np.array([1.9705, 1.0308], dtype=np.float32) / np.float32(np.log(10))
FAINT = 1e-2


def normalise_tile(tile: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an RGB tile with both stains at their usual strength; unchanged where it has no stain."""
    stains = separate_stains(tile)
    strong = np.percentile(stains[..., :2].reshape(-1, 2), 99, axis=0)
    if strong.min() < FAINT:
        return tile
    stains[..., :2] *= np.clip(USUAL / strong, 0.3, 3.0)
    return join_stains(stains)


def gradient_histograms(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return HOG of a square: 9 directions, cells of 8 x 8 pixels, blocks of 2 x 2 cells.

    Dalal and Triggs, CVPR (2005).
    """
    histograms: NDArray[np.float32] = hog(
        grey, orientations=DIRECTIONS, pixels_per_cell=(CELL, CELL), cells_per_block=(BLOCK, BLOCK)
    ).astype(np.float32)
    return histograms


def pattern_histograms(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the shares of uniform patterns at radius 1 and 2 in each of 4 x 4 places, (448,).

    Ojala, Pietikäinen and Mäenpää, IEEE TPAMI 24(7):971 (2002).
    """
    parts = []
    pixels = np.rint(grey * 255).astype(np.uint8)
    for points, radius in PATTERNS:
        codes = local_binary_pattern(pixels, points, radius, method="uniform").astype(np.intp)
        for band in np.array_split(codes, PLACES):
            squares = np.array_split(band, PLACES, axis=1)
            parts += [np.bincount(place.ravel(), minlength=points + 2) / place.size for place in squares]
    return np.concatenate(parts).astype(np.float32)
