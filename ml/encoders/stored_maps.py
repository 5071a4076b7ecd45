"""Feature maps of a slide, computed block by block and kept on disk.

``folder/<row>-<column>.npy`` holds one block (``packed_maps``), written by one rename: writers never wait for
each other, and a reader never sees half a block. Blocks without tissue are not computed, unless asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from ml.contracts import SlideReader
from ml.data.squares import Squares, read_patches
from ml.encoders.dense import CELL, SURROUNDINGS, DenseEncoder
from ml.encoders.packed_maps import BLOCK, FACTORS, MARGINS, PackedMaps, block_kind, pack_maps
from ml.slides import TissueMask
from ml.storage.room import remove_on_failure

Floats = NDArray[np.float32]
Place = tuple[int, int]

# Pixels around a block that the network sees too.
HALO: Final = 64
# Cells around a block that the surroundings of its cells reach into: a multiple of the coarsest map's cell.
MARGIN: Final = 12
# Cells of the coarsest map: windows of cells begin and end at multiples of it.
COARSE: Final = FACTORS[-1]


def strips(start: int = 0, stop: int = BLOCK) -> dict[int, tuple[slice, slice]]:
    """Return where cells of a block and MARGIN beyond them are, in it and in the blocks beside it.

    By block (-1 before, 0 itself, 1 after it): its cells, and their place in the window.
    """
    found = {}
    for number in (-1, 0, 1):
        first, last = max(start - MARGIN, number * BLOCK), min(stop + MARGIN, (number + 1) * BLOCK)
        if first < last:
            there = slice(first - number * BLOCK, last - number * BLOCK)
            found[number] = (there, slice(first - start + MARGIN, last - start + MARGIN))
    return found


class StoredMaps:
    """The maps of one slide by one encoder, ``scale`` level-0 pixels for each pixel as read.

    A block is BLOCK cells of CELL pixels wide and high. ``rows`` and ``columns`` count the blocks.
    """

    def __init__(
        self, reader: SlideReader, encoder: DenseEncoder, scale: float, folder: Path, tissue: TissueMask
    ) -> None:
        self._reader, self._encoder, self._folder, self._tissue = reader, encoder, folder, tissue
        self.scale = scale
        self.side = BLOCK * CELL * scale
        self.rows, self.columns = ceil(reader.height / self.side), ceil(reader.width / self.side)

    @cached_property
    def on_tissue(self) -> NDArray[np.bool_]:
        """The blocks with tissue, (rows, columns)."""
        index = np.indices((self.rows, self.columns)).reshape(2, -1).T
        corners = index[:, ::-1] * self.side
        shares = self._tissue.shares(np.concatenate([corners, corners + self.side], axis=1))
        return (shares > 0).reshape(self.rows, self.columns)

    def tissue_of_cells(self, place: Place) -> NDArray[np.float64]:
        """Return the share of tissue (BLOCK, BLOCK) of each cell of a block."""
        step = self.side / BLOCK
        rows, columns = np.indices((BLOCK, BLOCK)).reshape(2, -1)
        corners = np.stack([place[1] * BLOCK + columns, place[0] * BLOCK + rows], axis=1) * step
        return self._tissue.shares(np.concatenate([corners, corners + step], axis=1)).reshape(BLOCK, BLOCK)

    def with_neighbours(self, places: Iterable[Place]) -> list[Place]:
        """Return blocks (row, column) and the tissue beside them, in order."""
        chosen = set(places)
        beside = {(r + i, c + j) for r, c in chosen for i in (-1, 0, 1) for j in (-1, 0, 1)}
        return sorted(chosen | {place for place in beside if self._has_tissue(place)})

    def missing(self, places: Iterable[Place]) -> list[Place]:
        """Return the blocks that are not stored."""
        return [place for place in places if not self._path(place).exists()]

    def compute(self, places: Iterable[Place], report: Callable[[int, int], None], workers: int = 0) -> None:
        """Compute blocks that are not stored; ``report(done, total)`` may raise CancelledError."""
        missing = self.missing(places)
        margin = HALO * self.scale
        corners = [(round(c * self.side - margin), round(r * self.side - margin)) for r, c in missing]
        pixels = BLOCK * CELL + 2 * HALO
        squares = Squares(np.array(corners, dtype=np.int64).reshape(-1, 2), round(pixels * self.scale))
        report(0, len(missing))
        done = read_patches(self._reader, squares, pixels, block=1, workers=workers) if missing else ()
        for number, (which, views) in enumerate(done, start=1):
            self._store(missing[int(which[0])], self._encoded(views[0]))
            report(number, len(missing))

    def touched(self, shapes: Iterable[BaseGeometry]) -> list[Place]:
        """Return the blocks that some shapes touch, in order."""
        index = np.indices((self.rows, self.columns)).reshape(2, -1).T
        corners = index[:, ::-1] * self.side
        tree = shapely.STRtree(shapely.box(*corners.T, *(corners + self.side).T))
        hits = tree.query(list(shapes), predicate="intersects")[1]
        return [(int(row), int(column)) for row, column in index[np.unique(hits)]]

    def features(self, place: Place, cells: NDArray[np.bool_]) -> Floats:
        """Return the features (n, size) of the marked cells (BLOCK, BLOCK) of a block.

        The block and the tissue beside it are stored.
        """
        ys, xs = (_window(np.atleast_1d(cells.any(axis=axis))) for axis in (1, 0))
        around = self._assembled(place, (ys, xs), lambda there, *at: self._maps(there).joined(*at))
        chosen = cells[ys, xs]
        return np.concatenate([layer[chosen] for layer in _layers(*around)], axis=1)

    def projected(self, place: Place, matrix: Floats) -> Floats:
        """Return the joined maps of a stored block times a matrix (channels, k), (BLOCK, BLOCK, k)."""
        return self._maps(place).projected(matrix)

    def with_surroundings(self, blocks: Mapping[Place, Floats], place: Place) -> list[Floats]:
        """Return the values (BLOCK, BLOCK, k) of a block, and their mean over each size of surroundings.

        ``blocks`` holds the values of the block and of the tissue beside it.
        """
        window = (slice(0, BLOCK), slice(0, BLOCK))
        return list(_layers(*self._assembled(place, window, lambda there, *at: blocks[there][at])))

    def _has_tissue(self, place: Place) -> bool:
        row, column = place
        return 0 <= row < self.rows and 0 <= column < self.columns and bool(self.on_tissue[place])

    def _assembled(
        self, place: Place, window: tuple[slice, slice], part: Callable[[Place, slice, slice], Floats]
    ) -> tuple[Floats, Floats]:
        """Return a window of a block with MARGIN cells around it, and which of them are known (1 or 0).

        ``part`` gives the values of cells of a block. Cells beyond the slide are not known.
        """
        down, across = (strips(each.start, each.stop) for each in window)
        height, width = (each.stop - each.start + 2 * MARGIN for each in window)
        known = np.zeros((height, width, 1), np.float32)
        whole: Floats | None = None
        for r, c in self.with_neighbours([place]):
            y, x = r - place[0], c - place[1]
            if y not in down or x not in across:
                continue
            values = part((r, c), down[y][0], across[x][0])
            if whole is None:
                whole = np.zeros((height, width, values.shape[2]), np.float32)
            ys, xs = down[y][1], across[x][1]
            whole[ys, xs], known[ys, xs] = values, 1
        if whole is None:
            message = f"no block of {place} is stored"
            raise LookupError(message)
        ends = ((place[0], window[0], self._reader.height), (place[1], window[1], self._reader.width))
        for axis, (number, each, length) in enumerate(ends):
            first = BLOCK * number + each.start - MARGIN
            starts = (np.arange(known.shape[axis]) + first) * CELL * self.scale
            known[(slice(None),) * axis + ((starts < 0) | (starts >= length),)] = 0
        return whole * known, known

    def _maps(self, place: Place) -> PackedMaps:
        return PackedMaps(np.load(self._path(place), mmap_mode="r", allow_pickle=False))

    def _path(self, place: Place) -> Path:
        return self._folder / f"{place[0]}-{place[1]}.npy"

    def _encoded(self, pixels: NDArray[np.uint8]) -> NDArray[np.void]:
        maps = []
        for values, factor, margin in zip(self._encoder.maps(pixels), FACTORS, MARGINS, strict=True):
            edge = HALO // (CELL * factor) - margin
            maps.append(values[edge:-edge, edge:-edge])
        return pack_maps(maps)

    def _store(self, place: Place, block: NDArray[np.void]) -> None:
        path = self._path(place)
        partial = path.with_suffix(f".{os.getpid()}.partial")
        with remove_on_failure(partial):
            self._folder.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as stream:
                np.save(stream, block, allow_pickle=False)
        partial.replace(path)


def bytes_per_cell(encoder: DenseEncoder) -> float:
    """Return the bytes that one cell takes on disk."""
    return block_kind(encoder.widths).itemsize / BLOCK**2


def _window(known: NDArray[np.bool_]) -> slice:
    """Return the cells from the first known one to the last, at multiples of COARSE."""
    at = np.flatnonzero(known)
    first, last = (int(at[0]), int(at[-1])) if len(at) else (0, 0)
    return slice(first // COARSE * COARSE, last // COARSE * COARSE + COARSE)


def _layers(whole: Floats, known: Floats) -> Iterator[Floats]:
    """Yield the values of the cells within the margin, and their means over each size of surroundings."""
    inside = slice(MARGIN, -MARGIN)
    yield whole[inside, inside]
    for side in SURROUNDINGS:
        sums = _box_sums(whole, side)
        means = sums / np.maximum(_box_sums(known, side), np.float32(1e-9))
        yield means.astype(np.float32, copy=False)


def _box_sums(values: Floats, side: int) -> Floats:
    """Return the sum over the square of ``side`` cells around each cell within the margin."""
    for axis in (0, 1):
        running = np.cumsum(values, axis=axis, dtype=np.float32)
        length = values.shape[axis] - 2 * MARGIN
        after, before = MARGIN + side // 2, MARGIN - side // 2 - 1
        ends = (running.take(range(first, first + length), axis=axis) for first in (after, before))
        values = next(ends) - next(ends)
    return values
