"""Object order along a Z curve (Morton, 1966), so that a tile's objects are contiguous.

A code has 20 bits per axis. The objects of tile (x, y) of level z are those whose codes share its
first 2 z bits, hence one range of the sorted codes.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

BITS: Final = 20
_SPREAD: Final = (
    (16, 0x0000FFFF0000FFFF),
    (8, 0x00FF00FF00FF00FF),
    (4, 0x0F0F0F0F0F0F0F0F),
    (2, 0x3333333333333333),
    (1, 0x5555555555555555),
)
_GATHER: Final = (
    (1, 0x3333333333333333),
    (2, 0x0F0F0F0F0F0F0F0F),
    (4, 0x00FF00FF00FF00FF),
    (8, 0x0000FFFF0000FFFF),
    (16, 0x00000000FFFFFFFF),
)


def encode(x: NDArray[np.int32], y: NDArray[np.int32], side: int) -> NDArray[np.uint64]:
    """Return the Z-curve codes of points in a square of ``side`` steps, a power of two.

    What lies outside counts at its edge.
    """
    shift = side.bit_length() - 1 - BITS
    column, row = (_cell(values, side, shift) for values in (x, y))
    return interleave(column, row)


def interleave(column: NDArray[Any], row: NDArray[Any]) -> NDArray[np.uint64]:
    """Return the codes of cells by column and row, of any number of bits up to 32."""
    codes: NDArray[np.uint64] = _spread(column) | (_spread(row) << np.uint64(1))
    return codes


def decode(codes: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return columns and rows of codes of any number of bits."""
    return _gather(codes), _gather(codes >> np.uint64(1))


def _cell(values: NDArray[np.int32], side: int, shift: int) -> NDArray[np.uint64]:
    inside = np.clip(values, 0, side - 1).astype(np.uint64)
    return inside >> np.uint64(shift) if shift >= 0 else inside << np.uint64(-shift)


def _spread(values: NDArray[Any]) -> NDArray[np.uint64]:
    """Put a zero bit behind each of the lower 32 bits."""
    spread = values.astype(np.uint64)
    for shift, mask in _SPREAD:
        spread = (spread | (spread << np.uint64(shift))) & np.uint64(mask)
    return spread


def _gather(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Reverse ``_spread``."""
    gathered = values & np.uint64(0x5555555555555555)
    for shift, mask in _GATHER:
        gathered = (gathered | (gathered >> np.uint64(shift))) & np.uint64(mask)
    return gathered
