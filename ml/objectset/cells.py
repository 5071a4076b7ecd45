"""Exact aggregates: number and means of the objects of each label in each cell of a crowded tile.

A tile has 64 x 64 cells. Every object counts in exactly one cell, the one that holds its point, so
no view from far away is a sample. Tiles of very many objects are counted once, when the set is
written; those between are counted when they are asked for, by the same function.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml.objectset.filters import Limits

CELLS_PER_SIDE: Final = 64
# A tile of more objects than this is shown as cells, unless it is of the deepest level.
MOST_SHAPES: Final = 4096
# At the deepest level shapes come up to this number.
MOST_DEEPEST: Final = 65_536
# A tile of more objects than this is counted in advance: counting takes about 20 ns for each.
MOST_COUNTED: Final = 65_536
_DENSE: Final = 2**18
_PART: Final = 2**18

# ``tile`` is the code of the tile on the curve, ``cell`` is 64 * row + column.
STORED: Final = pa.schema(
    [
        ("level", pa.uint8()),
        ("tile", pa.uint64()),
        ("cell", pa.uint16()),
        ("label", pa.uint16()),
        ("count", pa.uint32()),
        ("score", pa.float32()),
        ("uncertainty", pa.float32()),
    ]
)


@dataclass(frozen=True, slots=True)
class Square:
    """A tile in steps: its corner and its side, both whole numbers."""

    x: int
    y: int
    side: int


def count_cells(
    columns: Mapping[str, NDArray[Any]], square: Square, labels: int, limits: Limits | None = None
) -> dict[str, NDArray[Any]]:
    """Return cell, label, count, mean score and uncertainty of the cells in use, sorted by cell and label.

    ``columns`` are those of the tile's objects; ``limits`` leave some out. Part by part, so that
    memory does not grow with the tile.
    """
    size = len(columns["x"])
    parts = [
        _count(
            {name: values[start : start + _PART] for name, values in columns.items()}, square, labels, limits
        )
        for start in range(0, max(size, 1), _PART)
    ]
    keys = np.concatenate([part[0] for part in parts])
    present, inverse = np.unique(keys, return_inverse=True) if len(parts) > 1 else (keys, None)
    sums = [np.concatenate([part[number] for part in parts]) for number in (1, 2, 3, 4)]
    if inverse is not None:
        sums = [np.bincount(inverse, weights=values, minlength=len(present)) for values in sums]
    return {
        "cell": (present // max(labels, 1)).astype(np.uint16),
        "label": (present % max(labels, 1)).astype(np.uint16),
        "count": sums[0].astype(np.uint32),
        "score": mean_of(sums[1], sums[3]).astype(np.float32),
        "uncertainty": (sums[2] / sums[0]).astype(np.float32),
    }


def _count(
    columns: Mapping[str, NDArray[Any]], square: Square, labels: int, limits: Limits | None
) -> tuple[NDArray[Any], ...]:
    """Return the keys ``cell * labels + label`` in use, with counts, sums of score and uncertainty.

    The last array counts the objects that have a score.
    """
    keys = cell_of(columns, square) * labels + columns["label"]
    weights = [columns["score"], columns["uncertainty"]]
    kept = limits.mask(columns) if limits else None
    if kept is not None:
        keys, weights = keys[kept], [values[kept] for values in weights]
    present = None
    if CELLS_PER_SIDE**2 * labels > max(_DENSE, 4 * len(keys)):
        present, keys = np.unique(keys, return_inverse=True)
    counts = np.bincount(keys)
    chosen = np.flatnonzero(counts)
    is_unknown = np.isnan(weights[0])
    scored = counts
    if is_unknown.any():
        scored = counts - np.bincount(keys[is_unknown], minlength=len(counts))
        weights[0] = np.where(is_unknown, 0, weights[0])
    sums = [np.bincount(keys, weights=values)[chosen] for values in weights]
    return (chosen if present is None else present), counts[chosen], sums[0], sums[1], scored[chosen]


def mean_of(sums: NDArray[Any], counts: NDArray[Any]) -> NDArray[np.float64]:
    """Return means, NaN where nothing was counted."""
    means = np.full(len(sums), np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means


def cell_of(columns: Mapping[str, NDArray[Any]], square: Square) -> NDArray[np.int64]:
    """Return the cell of each object of a tile; objects outside the pyramid count at its edge."""
    shift = square.side.bit_length() - 1 - (CELLS_PER_SIDE.bit_length() - 1)
    column, row = (
        np.clip((columns[name] - np.int32(corner)) >> np.int32(shift), 0, CELLS_PER_SIDE - 1)
        for name, corner in (("x", square.x), ("y", square.y))
    )
    cell: NDArray[np.int64] = row.astype(np.int64) * CELLS_PER_SIDE + column
    return cell


def crowded(starts: NDArray[np.int64], codes: NDArray[np.uint64], levels: int, most: int) -> Iterator[Any]:
    """Yield (level, tile codes, first objects, ends) of the tiles above the leaves with more than ``most``.

    ``codes`` are those of the leaves that hold objects, ``starts`` (leaves + 1) where theirs begin.
    """
    for level in range(levels):
        tiles, first = np.unique(codes >> np.uint64(2 * (levels - level)), return_index=True)
        begin = starts[first]
        end = np.append(begin[1:], starts[-1])
        many = end - begin > most
        yield level, tiles[many], begin[many], end[many]
