"""Conversion of flat shapes to the columns of an object set: whole steps, differences, attributes.

A step is 1/8 pixel, so a vertex is exact to 1/16. ``geometry`` holds differences: the first vertex
from the object's point, each next from the vertex before it, through all rings, which are not
closed. An object longer than ``LONGEST`` is kept apart with 32-bit differences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml.objectset.flat import FlatObjects

SCALE: Final = 8
# Pixels. What is shorter fits 16-bit differences, and reaches into the next few tiles at most.
LONGEST: Final = 512
MOST_VERTICES: Final = 500_000
_FARTHEST: Final = 2.0**30

NUMBERS: Final = pa.schema(
    [
        ("x", pa.int32()),
        ("y", pa.int32()),
        ("label", pa.uint16()),
        ("score", pa.float32()),
        ("uncertainty", pa.float32()),
        ("area", pa.float32()),
        # The bounds as steps from the point: left and top are negative or 0. Zero for a long object.
        ("left", pa.int16()),
        ("top", pa.int16()),
        ("right", pa.int16()),
        ("bottom", pa.int16()),
    ]
)
SHAPES: Final = pa.schema(
    [
        ("geometry", pa.list_(pa.int16())),
        ("rings", pa.list_(pa.uint32())),
        ("parts", pa.list_(pa.uint16())),
    ]
)
ROWS: Final = pa.schema([*NUMBERS, *SHAPES])
LONG: Final = pa.schema(
    [
        ("geometry", pa.list_(pa.int32())),
        ("rings", pa.list_(pa.uint32())),
        ("parts", pa.list_(pa.uint16())),
        *((name, pa.int32()) for name in ("xmin", "ymin", "xmax", "ymax")),
    ]
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Arrow tables of a batch of objects: ``rows`` for all, ``long`` for outlines of many points.

    ``rows`` has the columns NUMBERS and SHAPES, ``long`` the columns LONG.

    ``which`` are the rows whose geometry is in ``long``. ``reach`` is the longest way from the
    point of an object that is not long to its bounds, in steps. ``boxes`` and ``points`` say what
    the batch consists of.
    """

    rows: pa.RecordBatch
    long: pa.RecordBatch
    which: NDArray[np.int64]
    reach: int
    points: bool
    boxes: bool


def prepare(flat: FlatObjects) -> Prepared:
    """Return the columns of a batch; raises ValueError for invalid shapes."""
    x, y, rings, polygons, objects = _opened(flat)
    first_ring = polygons[objects]
    first = rings[first_ring]
    starts, counts = first[:-1], np.diff(first)
    _check(len(x), rings, counts, np.diff(first_ring))
    bounds = [reduce.reduceat(axis, starts) for reduce in (np.minimum, np.maximum) for axis in (x, y)]
    area, centres = _centres((x, y), rings, polygons, first_ring, first)
    differences = np.empty((len(x), 2), dtype=np.int32)
    anchors, around = [], []
    for column, (axis, centre) in enumerate(zip((x, y), centres, strict=True)):
        low, high = bounds[column], bounds[column + 2]
        # The centre of a ring without area, or that crosses itself, may lie anywhere; the bounds hold it.
        place = np.rint(np.where(area > 0, centre, (low + high) * 0.5)).astype(np.int32)
        anchor = np.clip(place, low, high)
        np.subtract(axis[1:], axis[:-1], out=differences[1:, column])
        differences[starts, column] = axis[starts] - anchor
        anchors.append(anchor)
        around += [low - anchor, high - anchor]
    width, height = bounds[2] - bounds[0], bounds[3] - bounds[1]
    is_long = np.maximum(width, height) > LONGEST * SCALE
    is_point = counts == 1
    for side in around:
        side[is_long] = 0
    nested = _Nesting(counts, np.diff(rings), np.diff(polygons), np.diff(first_ring), np.diff(objects))
    rows = pa.record_batch(
        [
            *(pa.array(anchor) for anchor in anchors),
            pa.array(flat.label.astype(np.uint16)),
            pa.array(flat.score.astype(np.float32, copy=False)),
            pa.array(flat.uncertainty.astype(np.float32, copy=False)),
            pa.array((area / SCALE**2).astype(np.float32)),
            *(pa.array(around[side].astype(np.int16)) for side in (0, 2, 1, 3)),
            *nested.lists(differences, ~is_long & ~is_point, np.int16),
        ],
        schema=ROWS,
    )
    whole = bool((counts == 4).all()) and bool((nested.rings == 1).all())  # noqa: PLR2004 - corners
    return Prepared(
        rows=rows,
        long=_long(nested, differences, is_long, bounds),
        which=np.flatnonzero(is_long),
        reach=max(int(np.abs(side).max(initial=0)) for side in around),
        points=bool(is_point.all()),
        boxes=whole and bool(np.allclose(area, width * height.astype(np.float64))),
    )


def _long(
    nested: _Nesting, differences: NDArray[np.int32], kept: NDArray[np.bool_], bounds: list[NDArray[np.int32]]
) -> pa.RecordBatch:
    if not kept.any():
        return pa.RecordBatch.from_pylist([], schema=LONG)
    chosen = pa.array(np.flatnonzero(kept))
    shapes = [column.take(chosen) for column in nested.lists(differences, kept, np.int32)]
    return pa.record_batch([*shapes, *(pa.array(side[kept]) for side in bounds)], schema=LONG)


@dataclass(frozen=True, slots=True)
class _Nesting:
    """Counts: vertices by object and by ring, rings by polygon, rings and polygons by object."""

    vertices: NDArray[np.int64]
    per_ring: NDArray[np.int64]
    per_polygon: NDArray[np.int64]
    rings: NDArray[np.int64]
    polygons: NDArray[np.int64]

    def lists(self, differences: NDArray[np.int32], kept: NDArray[np.bool_], kind: Any) -> list[pa.Array]:
        """Return geometry, rings and parts; an object that is not kept has three empty lists."""
        several_rings = kept & (self.rings > 1)
        several_parts = kept & (self.polygons > 1)
        return [
            _lists(differences.astype(kind, copy=False), 2 * self.vertices, kept, self.vertices),
            _lists(self.per_ring.astype(np.uint32), self.rings, several_rings, self.rings),
            _lists(self.per_polygon.astype(np.uint16), self.polygons, several_parts, self.polygons),
        ]


def _lists(
    values: NDArray[Any], lengths: NDArray[np.int64], kept: NDArray[np.bool_], rows: NDArray[np.int64]
) -> pa.Array:
    """Return lists of ``lengths`` values each, empty where not kept; ``rows`` of values belong to each."""
    if not kept.all():
        values = values[np.repeat(kept, rows)] if kept.any() else values[:0]
        lengths = np.where(kept, lengths, 0)
    offsets = np.zeros(len(lengths) + 1, dtype=np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values.ravel()))


def _opened(
    flat: FlatObjects,
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return x and y in steps, and offsets of rings, polygons and objects; rings are not closed."""
    rings = np.asarray(flat.rings, dtype=np.int64)
    polygons = np.arange(len(rings)) if flat.polygons is None else np.asarray(flat.polygons)
    objects = np.arange(len(polygons)) if flat.objects is None else np.asarray(flat.objects)
    if (np.diff(rings) < 1).any() or (np.diff(polygons) < 1).any() or (np.diff(objects) < 1).any():
        message = "An object is a point, a polygon or several polygons, and not empty."
        raise ValueError(message)
    if len(flat.coordinates) != rings[-1]:
        message = "The offsets of the rings do not fit the coordinates."
        raise ValueError(message)
    first, last = flat.coordinates[rings[:-1]], flat.coordinates[rings[1:] - 1]
    closed = (first == last).all(axis=1) & (np.diff(rings) > 1)
    # A pair as one complex number: pairs are chosen at half the price of two columns.
    single = flat.coordinates.dtype == np.float32
    whole = np.ascontiguousarray(flat.coordinates, dtype=np.float32 if single else np.float64)
    pairs = whole.reshape(-1).view(np.complex64 if single else np.complex128)
    if closed.any():
        kept = np.ones(len(pairs), dtype=bool)
        kept[rings[1:][closed] - 1] = False
        pairs = pairs[kept]
        rings = rings - np.concatenate([[0], np.cumsum(closed)])
    return _steps(pairs.real), _steps(pairs.imag), rings, polygons, objects


def _steps(axis: NDArray[Any]) -> NDArray[np.int32]:
    scaled = axis * axis.dtype.type(SCALE)
    if scaled.size and not (scaled.min() > -_FARTHEST and scaled.max() < _FARTHEST):
        message = "A coordinate is not a number, or lies far outside any slide."
        raise ValueError(message)
    steps: NDArray[np.int32] = np.rint(scaled, out=scaled).astype(np.int32)
    return steps


def _check(
    vertices: int, rings: NDArray[np.int64], counts: NDArray[np.int64], own: NDArray[np.int64]
) -> None:
    per_ring = np.diff(rings)
    alone = np.repeat((own == 1) & (counts == 1), own)
    if ((per_ring < 3) & ~alone).any():  # noqa: PLR2004 - a triangle
        message = "A ring needs three vertices or more."
        raise ValueError(message)
    if vertices and counts.max() > MOST_VERTICES:
        message = f"An object has {counts.max():,} vertices; at most {MOST_VERTICES:,} are kept."
        raise ValueError(message)


def _centres(
    axes: tuple[NDArray[np.int32], NDArray[np.int32]],
    rings: NDArray[np.int64],
    polygons: NDArray[np.int64],
    first_ring: NDArray[np.int64],
    first: NDArray[np.int64],
) -> tuple[NDArray[np.float64], list[NDArray[np.float64]]]:
    """Return areas (n,) in square steps, holes taken off, and the centroids' x and y (n,) in steps."""
    origins = [axis[first[:-1]] for axis in axes]
    counts = np.diff(first)
    x, y = ((axis - np.repeat(o, counts)).astype(np.float64) for axis, o in zip(axes, origins, strict=True))
    starts, last = rings[:-1], rings[1:] - 1
    next_x, next_y = _following(x, starts, last), _following(y, starts, last)
    cross = x * next_y
    cross -= next_x * y
    next_x += x
    next_x *= cross
    next_y += y
    next_y *= cross
    sums = [np.add.reduceat(values, starts) for values in (cross, next_x, next_y)]
    # Orientation is not relied on: outer rings count for, holes against.
    sign = np.where(sums[0] < 0, -1.0, 1.0)
    if len(polygons) != len(rings):
        hole = np.ones(len(starts), dtype=bool)
        hole[polygons[:-1]] = False
        sign[hole] *= -1
    sums = [values * sign for values in sums]
    if len(first_ring) != len(rings):
        sums = [np.add.reduceat(values, first_ring[:-1]) for values in sums]
    doubled = np.maximum(sums[0], 0)
    safe = np.where(doubled > 0, 3 * doubled, 1)
    return doubled / 2, [o + moment / safe for o, moment in zip(origins, sums[1:], strict=True)]


def _following(
    values: NDArray[np.float64], starts: NDArray[np.int64], last: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return for each vertex the value of the next one of its ring."""
    following = np.empty_like(values)
    following[:-1] = values[1:]
    following[last] = values[starts]
    return following
