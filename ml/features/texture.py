"""Texture of one channel: local binary patterns, co-occurrence, energy of gradients."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

GREYS = 16
PATTERNS = 10
NEIGHBOURS = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))


def _uniform_table() -> NDArray[np.uint8]:
    """Return by pattern the number of set neighbours, and 9 for more than two changes."""
    table = np.empty(256, dtype=np.uint8)
    for code in range(256):
        bits = [(code >> i) & 1 for i in range(8)]
        changes = sum(bits[i] != bits[i - 1] for i in range(8))
        table[code] = sum(bits) if changes <= 2 else PATTERNS - 1  # noqa: PLR2004 - the definition
    return table


UNIFORM = _uniform_table()
_WEIGHTS = np.arange(GREYS, dtype=np.float64)
_GAP = np.abs(_WEIGHTS[:, None] - _WEIGHTS[None, :])


def halve(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean of each 2 x 2 block; an odd last row or column is left out."""
    rows, columns = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    even = image[:rows, :columns]
    quarter: NDArray[np.float32] = (
        even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]
    ) * np.float32(0.25)
    return quarter


def binary_patterns(image: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the shares (10,) of rotation-invariant uniform patterns at radius 1.

    Ojala, Pietikäinen and Mäenpää, IEEE TPAMI 24(7):971 (2002).
    """
    centre = image[1:-1, 1:-1]
    rows, columns = centre.shape
    code = np.zeros(centre.shape, dtype=np.uint8)
    for bit, (down, right) in enumerate(NEIGHBOURS):
        neighbour = image[1 + down : 1 + down + rows, 1 + right : 1 + right + columns]
        code |= (neighbour >= centre).view(np.uint8) << np.uint8(bit)
    counts = np.bincount(code.ravel(), minlength=256)
    return np.bincount(UNIFORM, weights=counts, minlength=PATTERNS) / code.size


def co_occurrence(image: NDArray[np.float32], top: float, distance: int) -> NDArray[np.float64]:
    """Return contrast, dissimilarity, homogeneity, energy, entropy, correlation (6,).

    Grey values 0..``top`` fall into 16 steps; the four directions are added up and made symmetric.
    Haralick, Shanmugam and Dinstein, IEEE SMC 3(6):610 (1973).
    """
    grey = np.clip(image * (GREYS / top), 0, GREYS - 1).astype(np.uint8)
    rows, columns = grey.shape
    counts = np.zeros(GREYS * GREYS)
    for down, right in DIRECTIONS:
        dy, dx = down * distance, right * distance
        here = grey[: rows - dy, max(0, -dx) : columns - max(0, dx)]
        there = grey[dy:, max(0, dx) : columns - max(0, -dx)]
        codes = here * np.uint8(GREYS) + there
        counts += np.bincount(codes.ravel(), minlength=GREYS * GREYS)
    matrix = counts.reshape(GREYS, GREYS)
    matrix = (matrix + matrix.T) / (2 * counts.sum())
    margin = matrix.sum(axis=0)
    mean = margin @ _WEIGHTS
    spread = margin @ (_WEIGHTS - mean) ** 2
    together = _WEIGHTS @ matrix @ _WEIGHTS - mean**2
    filled = matrix[matrix > 0]
    return np.array(
        [
            (matrix * _GAP**2).sum(),
            (matrix * _GAP).sum(),
            (matrix / (1 + _GAP**2)).sum(),
            np.sqrt((matrix**2).sum()),
            -(filled * np.log(filled)).sum(),
            together / spread if spread > 0 else 1.0,
        ]
    )


def edge_energy(image: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return mean slope, its spread, mean absolute Laplacian and its spread (4,)."""
    right = image[1:-1, 2:] - image[1:-1, :-2]
    down = image[2:, 1:-1] - image[:-2, 1:-1]
    slope = np.sqrt(right * right + down * down)
    bend = np.abs(
        image[1:-1, 2:] + image[1:-1, :-2] + image[2:, 1:-1] + image[:-2, 1:-1] - 4 * image[1:-1, 1:-1]
    )
    return np.array([slope.mean(), slope.std(), bend.mean(), bend.std()])
