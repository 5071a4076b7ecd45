"""The numbers of all objects by doubt and by score, so that a queue reads only what it shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

ORDERS: Final = {"by_uncertainty": ("uncertainty", -1), "by_score": ("score", 1)}
PART: Final = 2_000_000


def sorted_numbers(values: NDArray[np.float32], sign: int) -> Iterator[NDArray[np.uint32]]:
    """Yield the numbers of all objects, the smallest of ``sign`` times value first, ties by number.

    Part by part of the values, so that memory does not grow with the set.
    """
    parts = max(1, -(-len(values) // PART))
    sample = np.sort(values[:: max(1, len(values) // 65_536)] * np.float32(sign))
    borders = np.unique(sample[[len(sample) * part // parts for part in range(1, parts)]])
    low = np.float32(-np.inf)
    for high in [*borders, np.float32(np.inf)]:
        yield _within(values, sign, low, high)
        low = high


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
