"""Reader of shapes: pages of packed differences, the few long objects, and conversion to Shapely."""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray
from shapely import GeometryType

from ml.objectset.columns import SHAPES
from ml.objectset.sealing import LONG_FILE, PAGE_ROWS, SHAPES_FILE

# Unpacked pages that are kept, about a tenth of a megabyte each.
MOST_PAGES: Final = 48
_WIDE: Final = pa.list_(pa.int32())


class Pages:
    """The shapes of a set by number; safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        # A page is unpacked faster by one thread than handed out to several.
        alone = pa.ipc.IpcReadOptions(use_threads=False)
        self._file: Any = pa.ipc.open_file(pa.memory_map(str(folder / SHAPES_FILE)), options=alone)
        self._long: Any = pa.ipc.open_file(pa.memory_map(str(folder / LONG_FILE))).read_all()
        self._recent: OrderedDict[int, pa.RecordBatch] = OrderedDict()
        self._lock = threading.Lock()

    @cached_property
    def long_numbers(self) -> NDArray[np.int64]:
        """Return the numbers of the objects that are stored separately, in order."""
        return np.asarray(self._long["index"].to_numpy(), dtype=np.int64)

    @cached_property
    def long_bounds(self) -> NDArray[np.int64]:
        """Return the bounds (long, 4) of long objects in steps: left, top, right, bottom."""
        sides = [self._long[name].to_numpy() for name in ("xmin", "ymin", "xmax", "ymax")]
        return np.stack(sides, axis=1).astype(np.int64)

    def take(self, numbers: NDArray[np.int64]) -> pa.RecordBatch:
        """Return geometry, rings and parts of some objects, in the order asked for.

        The geometry is list<int16>, or list<int32> when a long object is among them.
        """
        order = np.argsort(numbers, kind="stable")
        batch = self._ordered(numbers[order])
        if (np.diff(numbers) < 0).any():
            back = np.empty_like(order)
            back[order] = np.arange(len(order))
            batch = batch.take(pa.array(back))
        return batch

    def _ordered(self, numbers: NDArray[np.int64]) -> pa.RecordBatch:
        if not len(numbers):
            return pa.RecordBatch.from_pylist([], schema=SHAPES)
        pages = numbers // PAGE_ROWS
        cuts = np.flatnonzero(np.diff(pages)) + 1
        slices, rows, before = [], [], 0
        for part in np.split(numbers, cuts):
            first, length = int(part[0]), int(part[-1] - part[0]) + 1
            slices.append(self._page(first // PAGE_ROWS).slice(first % PAGE_ROWS, length))
            rows.append(part - first + before)
            before += length
        columns = [pa.concat_arrays([each.column(name) for each in slices]) for name in SHAPES.names]
        chosen = np.concatenate(rows)
        # One choice over all pages: each call costs more than copying the rows between.
        if not np.array_equal(chosen, np.arange(before)):
            columns = [column.take(pa.array(chosen)) for column in columns]
        if len(self._long):
            columns = self._with_long(columns, numbers)
        return pa.RecordBatch.from_arrays(columns, names=SHAPES.names)

    def _with_long(self, columns: list[pa.Array], numbers: NDArray[np.int64]) -> list[pa.Array]:
        at = np.searchsorted(self.long_numbers, numbers)
        at[at == len(self.long_numbers)] = 0
        is_long = self.long_numbers[at] == numbers
        if not is_long.any():
            return columns
        longs = self._long.take(pa.array(at[is_long])).combine_chunks()
        place = np.arange(len(numbers))
        place[is_long] = len(numbers) + np.arange(int(is_long.sum()))
        columns[0] = columns[0].cast(_WIDE)
        return [
            pa.concat_arrays([column, *longs[name].chunks]).take(pa.array(place))
            for name, column in zip(SHAPES.names, columns, strict=True)
        ]

    def _page(self, number: int) -> pa.RecordBatch:
        with self._lock:
            page = self._recent.pop(number, None)
        # Unpacked without the lock, so that threads do not wait for each other's pages.
        page = self._file.get_batch(number) if page is None else page
        with self._lock:
            self._recent[number] = page
            if len(self._recent) > MOST_PAGES:
                self._recent.popitem(last=False)
        return page


def joined(first: pa.RecordBatch, second: pa.RecordBatch) -> pa.RecordBatch:
    """Return the concatenated rows of two results of ``Pages.take``, with the wider geometry type of both."""
    wide = _WIDE in (first.schema.field(0).type, second.schema.field(0).type)
    columns = [
        pa.concat_arrays([one.cast(_WIDE), other.cast(_WIDE)] if wide and not place else [one, other])
        for place, (one, other) in enumerate(zip(first.columns, second.columns, strict=True))
    ]
    return pa.RecordBatch.from_arrays(columns, names=SHAPES.names)


def restore(shapes: pa.RecordBatch, points: NDArray[np.int64], scale: int) -> NDArray[np.object_]:
    """Return Shapely shapes; ``points`` (n, 2) are the objects' points in steps."""
    geometry, rings, parts = shapes.columns
    vertices = _lengths(geometry) // 2
    restored = np.empty(len(vertices), dtype=object)
    areas = vertices > 0
    restored[~areas] = shapely.points(points[~areas] / scale)
    if areas.any():
        per_ring, rings_each = _explicit(rings, vertices)
        per_polygon, polygons_each = _explicit(parts, rings_each)
        whole = _polygons(
            absolute(geometry, points) / scale, per_ring, per_polygon, polygons_each[polygons_each > 0]
        )
        single = shapely.get_num_geometries(whole) == 1
        whole[single] = shapely.get_geometry(whole[single], 0)
        restored[areas] = whole
    return restored


def absolute(geometry: pa.ListArray, points: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return all vertices (p, 2) in steps, object after object."""
    offsets = geometry.offsets.to_numpy().astype(np.int64) // 2
    steps = geometry.values.to_numpy().reshape(-1, 2)[offsets[0] : offsets[-1]]
    summed = np.zeros((len(steps) + 1, 2), dtype=np.int64)
    np.cumsum(steps, axis=0, out=summed[1:])
    base = points - summed[offsets[:-1] - offsets[0]]
    vertices: NDArray[np.int64] = summed[1:] + np.repeat(base, np.diff(offsets), axis=0)
    return vertices


def _polygons(
    vertices: NDArray[np.float64],
    per_ring: NDArray[np.int64],
    per_polygon: NDArray[np.int64],
    per_object: NDArray[np.int64],
) -> NDArray[np.object_]:
    ends = np.cumsum(per_ring)
    closed = np.insert(vertices, ends, vertices[ends - per_ring], axis=0)
    offsets = (_starts(per_ring + 1), _starts(per_polygon), _starts(per_object))
    made: NDArray[np.object_] = shapely.from_ragged_array(GeometryType.MULTIPOLYGON, closed, offsets)
    return made


def _explicit(lists: pa.ListArray, implied: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return all values, an empty list standing for one value ``implied``, and the count of each object.

    An object without an implied geometry has none.
    """
    lengths = _lengths(lists)
    alone = (lengths == 0) & (implied > 0)
    values = lists.flatten().to_numpy(zero_copy_only=False).astype(np.int64)
    before = _starts(lengths)[:-1][alone]
    return np.insert(values, before, implied[alone]), np.where(alone, 1, lengths)


def _lengths(lists: pa.ListArray) -> NDArray[np.int64]:
    lengths: NDArray[np.int64] = np.diff(lists.offsets.to_numpy()).astype(np.int64)
    return lengths


def _starts(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts, dtype=np.int64)])
