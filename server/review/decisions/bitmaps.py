"""Conversion between arrays of object numbers and Roaring bitmaps, without a Python number for each."""

from __future__ import annotations

from array import array

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap


def bitmap_of(numbers: NDArray[np.generic]) -> BitMap:
    """Return the bitmap of non-negative whole object numbers."""
    # The array module's buffer is the one that pyroaring reads at once.
    return BitMap(array("I", numbers.astype(np.uint32, copy=False).tobytes()))


def numbers_of(bitmap: BitMap) -> NDArray[np.int64]:
    """Return the numbers in a bitmap, in order."""
    return np.frombuffer(bitmap.to_array(), dtype=np.uint32).astype(np.int64)


def read_bitmap(content: bytes | memoryview) -> BitMap:
    """Return a stored bitmap; an empty one for an empty value."""
    return BitMap.deserialize(bytes(content)) if content else BitMap()
