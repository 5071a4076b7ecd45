"""Reader of an object set: by tile, by number, by place. Files are memory-mapped, never loaded whole."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from ml.objectset import curve, tiles
from ml.objectset.cells import (
    CELLS_PER_SIDE,
    MOST_DEEPEST,
    MOST_SHAPES,
    Square,
    cell_of,
    count_cells,
    crowded,
)
from ml.objectset.filters import Limits
from ml.objectset.manifest import Manifest, read_manifest
from ml.objectset.pages import Pages, joined, restore
from ml.objectset.sealing import CELLS_FILE, LEAVES_FILE, OBJECTS_FILE, ORDERS_FILE

_NEAR = 12.0


@dataclass(frozen=True, slots=True)
class Tile:
    """Content of a tile: objects ``start`` to ``end``, and whether it is served as cells."""

    z: int
    x: int
    y: int
    start: int
    end: int
    cells: bool
    square: Square


class ObjectSet:
    """An open object set; safe to read from several threads, because it is immutable."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest: Manifest = read_manifest(folder)
        self._columns = _mapped(folder / OBJECTS_FILE)
        self._pages = Pages(folder)
        leaves = _mapped(folder / LEAVES_FILE)
        self._leaf_codes = leaves["code"]
        self._starts = np.append(leaves["start"].astype(np.int64), self.manifest.count)

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return the numbers of all objects by column, (count,) each, as read-only mapped arrays.

        x, y int32, the points in steps; label uint16; score, uncertainty, area float32 (square
        pixels); left, top, right, bottom int16, the bounds as steps from the point (0 for long ones).
        """
        return self._columns

    def order(self, name: str) -> NDArray[np.uint32]:
        """Return the numbers of all objects ``by_uncertainty`` (most first) or ``by_score`` (least first)."""
        return self._orders[name]

    def points(self, numbers: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the points (n, 2) of some objects in level-0 pixels."""
        return self._points(numbers) / self.manifest.scale

    def geometries(self, numbers: NDArray[np.int64]) -> NDArray[np.object_]:
        """Return the Shapely shapes of some objects by number."""
        rows = np.asarray(numbers, dtype=np.int64)
        return restore(self._pages.take(rows), self._points(rows), self.manifest.scale)

    def within(self, area: BaseGeometry) -> NDArray[np.int64]:
        """Return the numbers of the objects with their point in an area, in order.

        Leaves that lie wholly inside are taken without looking at their objects.
        """
        near = self._leaves_in(*(side * self.manifest.scale for side in area.bounds))
        side = self.manifest.tile_side(self.manifest.levels)
        column, row = self._leaf_places[0][near], self._leaf_places[1][near]
        boxes = shapely.box(column * side, row * side, (column + 1) * side, (row + 1) * side)
        shapely.prepare(area)
        last = 2**self.manifest.levels - 1
        # What lies outside the pyramid counts in its outer leaves, so those are always looked into.
        inner = (column > 0) & (row > 0) & (column < last) & (row < last)
        whole = inner & shapely.contains_properly(area, boxes)
        partly = ~whole & shapely.intersects(area, boxes) | ~inner
        some = self._numbers_of(near[partly])
        x, y = self.points(some).T
        hits = some[shapely.contains_xy(area, x, y)]
        return np.sort(np.concatenate([self._numbers_of(near[whole]), hits]))

    def at(self, x: float, y: float, radius: float = _NEAR) -> int | None:
        """Return the smallest object that covers a point, else the nearest point within ``radius``."""
        scale = self.manifest.scale
        far = max(self.manifest.reach, radius) + 1
        leaves = self._leaves_in(*(value * scale for value in (x - far, y - far, x + far, y + far)))
        near = self._numbers_of(leaves)
        place = Square(round(x * scale), round(y * scale), 0)
        covering = np.concatenate([near[self._touches(near, place)], self._long_touching(place)])
        shapes = self.geometries(covering)
        hit = shapely.intersects_xy(shapes, x, y) if len(covering) else np.zeros(0, dtype=bool)
        if hit.any():
            return int(covering[hit][np.argmin(shapely.area(shapes[hit]))])
        dots = near[self._are_points(near)]
        if not len(dots):
            return None
        distance = np.hypot(*(self.points(dots) - (x, y)).T)
        nearest = int(np.argmin(distance))
        return int(dots[nearest]) if distance[nearest] <= radius else None

    def in_leaves_of(self, x: NDArray[np.int32], y: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return the objects of all leaves that hold one of these points, given in steps."""
        codes = curve.encode(x, y, self.manifest.tile0 * self.manifest.scale)
        leaves = np.unique(codes >> np.uint64(2 * (curve.BITS - self.manifest.levels)))
        return self._numbers_of(np.flatnonzero(np.isin(self._leaf_codes, leaves)))

    def place(self, z: int, x: int, y: int) -> Tile:
        """Return the content of a tile; raises IndexError outside the pyramid."""
        levels = self.manifest.levels
        if not (0 <= z <= levels and 0 <= x < 2**z and 0 <= y < 2**z):
            message = f"There is no tile {z}/{x}/{y}."
            raise IndexError(message)
        code = int(curve.interleave(np.array([x]), np.array([y]))[0])
        depth = 2 * (levels - z)
        borders = np.array([code << depth, (code + 1) << depth], dtype=np.uint64)
        start, end = (int(n) for n in self._starts[np.searchsorted(self._leaf_codes, borders)])
        most = MOST_SHAPES if z < levels else MOST_DEEPEST
        side = (self.manifest.tile0 * self.manifest.scale) >> z
        return Tile(z, x, y, start, end, end - start > most, Square(x * side, y * side, side))

    def tile(self, z: int, x: int, y: int, limits: Limits | None = None) -> bytes:
        """Return one tile as an Arrow IPC stream, in the layout of server/objects/README.md.

        ``limits`` concern cells only. Raises IndexError outside the pyramid.
        """
        tile = self.place(z, x, y)
        known = {"count": tile.end - tile.start, "start": tile.start, "end": tile.end}
        if tile.cells:
            return tiles.stream(self.cells(tile, limits), {"kind": "cells", **known}, self.manifest.scale)
        own, guests = np.arange(tile.start, tile.end), self.guests(tile)
        details = {"kind": "shapes", **known, "own": len(own)}
        shapes = joined(self._pages.take(own), self._pages.take(guests))
        batch = tiles.shapes_batch(np.concatenate([own, guests]), self._columns, shapes)
        return tiles.stream(batch, details, self.manifest.scale)

    def crowded_tiles(self) -> bytes:
        """Return the tiles that are served as cells, as an Arrow IPC stream of z, x, y, count."""
        levels = self.manifest.levels
        rows = [*crowded(self._starts, self._leaf_codes, levels, MOST_SHAPES)]
        sizes = np.diff(self._starts)
        many = sizes > MOST_DEEPEST
        rows.append((levels, self._leaf_codes[many], self._starts[:-1][many], self._starts[1:][many]))
        return tiles.stream(tiles.index_batch(rows), {}, self.manifest.scale)

    def cells(self, tile: Tile, limits: Limits | None = None) -> pa.RecordBatch:
        """Return the exact cells of a tile: x, y, size, label, count, score, uncertainty."""
        part = {name: values[tile.start : tile.end] for name, values in self._columns.items()}
        stored = None if limits else self._stored(tile)
        counted = stored or count_cells(part, tile.square, len(self.manifest.labels), limits)
        return tiles.cells_batch(counted, tile.square, self.manifest.scale)

    def cell_starts(self, tile: Tile) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the cells of a tile along the curve (4096,) and the first object of each (4097,).

        The objects of a cell lie side by side, as those of a tile do: slides are far smaller than the
        2**26 cells a side beyond which the curve would be coarser than the cells of its deepest tiles.
        """
        codes = np.arange(CELLS_PER_SIDE**2, dtype=np.uint64)
        column, row = (values.astype(np.int64) for values in curve.decode(codes))
        borders = np.append(codes, CELLS_PER_SIDE**2).astype(np.uint64)
        finer = self.manifest.levels - tile.z - (CELLS_PER_SIDE.bit_length() - 1)
        if finer >= 0:
            first = curve.interleave(np.array([tile.x]), np.array([tile.y]))[0] * np.uint64(CELLS_PER_SIDE**2)
            places = np.searchsorted(self._leaf_codes, (first + borders) << np.uint64(2 * finer))
            return row * CELLS_PER_SIDE + column, self._starts[places]
        cell = cell_of({name: self._columns[name][tile.start : tile.end] for name in ("x", "y")}, tile.square)
        along = curve.interleave(cell % CELLS_PER_SIDE, cell // CELLS_PER_SIDE)
        return row * CELLS_PER_SIDE + column, tile.start + np.searchsorted(along, borders)

    def guests(self, tile: Tile) -> NDArray[np.int64]:
        """Return the objects of other tiles whose bounds reach into this one, in order."""
        square, reach = tile.square, round(self.manifest.reach * self.manifest.scale)
        far = square.side + reach
        leaves = self._leaves_in(square.x - reach, square.y - reach, square.x + far, square.y + far)
        first, last = np.searchsorted(self._starts[:-1], [tile.start, tile.end])
        around = self._numbers_of(leaves[(leaves < first) | (leaves >= last)])
        numbers = np.concatenate([around[self._touches(around, square)], self._long_touching(square)])
        return np.unique(numbers[(numbers < tile.start) | (numbers >= tile.end)])

    def _stored(self, tile: Tile) -> dict[str, NDArray[Any]] | None:
        table = self._stored_cells
        first, last = np.searchsorted(table["level"], [tile.z, tile.z + 1])
        code = curve.interleave(np.array([tile.x]), np.array([tile.y]))[0]
        tiles_of = table["tile"][first:last]
        low, high = first + np.searchsorted(tiles_of, code), first + np.searchsorted(tiles_of, code, "right")
        return {name: values[low:high] for name, values in table.items()} if high > low else None

    def _touches(self, numbers: NDArray[np.int64], square: Square) -> NDArray[np.bool_]:
        touching = np.ones(len(numbers), dtype=bool)
        for axis, low, high, corner in (("x", "left", "right", square.x), ("y", "top", "bottom", square.y)):
            at = self._columns[axis][numbers]
            touching &= at + self._columns[low][numbers] <= corner + square.side
            touching &= at + self._columns[high][numbers] >= corner
        return touching

    def _long_touching(self, square: Square) -> NDArray[np.int64]:
        if not self.manifest.long:
            return np.zeros(0, dtype=np.int64)
        left, top, right, bottom = self._pages.long_bounds.T
        touching = (left <= square.x + square.side) & (right >= square.x)
        touching &= (top <= square.y + square.side) & (bottom >= square.y)
        numbers: NDArray[np.int64] = self._pages.long_numbers[touching]
        return numbers

    def _are_points(self, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
        columns = self._columns
        flat: NDArray[np.bool_] = columns["left"][numbers] == columns["right"][numbers]
        flat &= columns["top"][numbers] == columns["bottom"][numbers]
        flat &= columns["area"][numbers] == 0
        return flat

    def _leaves_in(self, left: float, top: float, right: float, bottom: float) -> NDArray[np.int64]:
        """Return the leaves that a box in steps overlaps; a box outside the pyramid overlaps its edge."""
        side = (self.manifest.tile0 * self.manifest.scale) >> self.manifest.levels
        last = 2**self.manifest.levels - 1
        low_x, low_y, high_x, high_y = (
            min(max(int(value // side), 0), last) for value in (left, top, right, bottom)
        )
        column, row = self._leaf_places
        return np.flatnonzero((column >= low_x) & (column <= high_x) & (row >= low_y) & (row <= high_y))

    def _numbers_of(self, leaves: NDArray[np.int64]) -> NDArray[np.int64]:
        starts, counts = self._starts[leaves], self._starts[leaves + 1] - self._starts[leaves]
        before = np.cumsum(counts) - counts
        numbers: NDArray[np.int64] = np.arange(int(counts.sum())) + np.repeat(starts - before, counts)
        return numbers

    def _points(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.stack([self._columns[axis][numbers] for axis in ("x", "y")], axis=1).astype(np.int64)

    @cached_property
    def _leaf_places(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        column, row = curve.decode(self._leaf_codes)
        return column.astype(np.int64), row.astype(np.int64)

    @cached_property
    def _stored_cells(self) -> dict[str, NDArray[Any]]:
        return _mapped(self.folder / CELLS_FILE)

    @cached_property
    def _orders(self) -> dict[str, NDArray[Any]]:
        return _mapped(self.folder / ORDERS_FILE)


def _mapped(path: Path) -> dict[str, NDArray[Any]]:
    """Return the columns of a file of one batch, each an array in the mapped file."""
    table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    return {name: table[name].to_numpy() for name in table.column_names}
