"""Sort orders of all objects by uncertainty and by score, so that a queue reads only one page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

ORDERS: Final = {"by_uncertainty": ("uncertainty", -1), "by_score": ("score", 1)}
PART: Final = 2_000_000


def sorted_numbers(values: NDArray[np.float32], sign: int) -> Iterator[NDArray[np.uint32]]:
    """Yield the numbers of all objects by ascending ``sign`` times value, ties by number.

    Values that are no number (objects without a score) come last. Part by part of the values, so that memory
    does not grow with the set.
    """
    parts = max(1, -(-len(values) // PART))
    sample = values[:: max(1, len(values) // 65_536)] * np.float32(sign)
    sample = np.sort(sample[~np.isnan(sample)])
    borders = np.unique(sample[[len(sample) * part // parts for part in range(1, parts)]])
    low = np.float32(-np.inf)
    for high in [*borders, np.float32(np.inf)]:
        yield _within(values, sign, low, high)
        low = high
    for start in range(0, len(values), PART):
        unknown = np.flatnonzero(np.isnan(values[start : start + PART]))
        yield (unknown + start).astype(np.uint32)


def _within(values: NDArray[np.float32], sign: int, low: np.float32, high: np.float32) -> NDArray[np.uint32]:
    """Return in order the numbers of the objects whose value is above ``low`` and at most ``high``."""
    keys = values * np.float32(sign)
    chosen = np.flatnonzero((keys > low) & (keys <= high)).astype(np.uint64)
    # Value and number in one whole number: the bits of a float sort like it once the sign is seen to.
    bits = (keys[chosen] + np.float32(0)).view(np.uint32)
    flip = np.where(bits >> np.uint32(31), np.uint32(0xFFFFFFFF), np.uint32(0x80000000))
    both = ((bits ^ flip).astype(np.uint64) << np.uint64(32)) | chosen
    both.sort()
    return both.astype(np.uint32)
