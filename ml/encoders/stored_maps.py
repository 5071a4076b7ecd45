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
import torch
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry
from torch import Tensor
from torch.nn import functional

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
# Where a block beside another one (-1 before, 1 after it) has the cells of that margin, and where they go.
STRIPS: Final = {-1: slice(BLOCK - MARGIN, BLOCK), 0: slice(0, BLOCK), 1: slice(0, MARGIN)}
PLACES: Final = {
    -1: slice(0, MARGIN),
    0: slice(MARGIN, BLOCK + MARGIN),
    1: slice(BLOCK + MARGIN, BLOCK + 2 * MARGIN),
}


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
        row, column = place
        parts = {
            (r, c): self._maps((r, c)).joined(STRIPS[r - row], STRIPS[c - column])
            for r, c in self.with_neighbours([place])
        }
        whole, known = self._assembled(parts, place)
        layers = [_inside(whole), *(_inside(each) for each in _means(whole, known))]
        return np.concatenate([layer[cells] for layer in layers], axis=1)

    def projected(self, place: Place, matrix: Floats) -> Floats:
        """Return the joined maps of a stored block times a matrix (channels, k), (BLOCK, BLOCK, k)."""
        return self._maps(place).projected(matrix)

    def with_surroundings(self, blocks: Mapping[Place, Floats], place: Place) -> list[Floats]:
        """Return the values (BLOCK, BLOCK, k) of a block, and their mean over each size of surroundings.

        ``blocks`` holds the values of the block and of the tissue beside it.
        """
        parts = {
            (r, c): blocks[r, c][STRIPS[r - place[0]], STRIPS[c - place[1]]]
            for r, c in self.with_neighbours([place])
        }
        whole, known = self._assembled(parts, place)
        return [_inside(whole), *(_inside(each) for each in _means(whole, known))]

    def _has_tissue(self, place: Place) -> bool:
        row, column = place
        return 0 <= row < self.rows and 0 <= column < self.columns and bool(self.on_tissue[place])

    def _assembled(self, parts: Mapping[Place, Floats], place: Place) -> tuple[Floats, Floats]:
        """Return a block with MARGIN cells around it, and 1 or 0 for each cell: known, and on the slide.

        ``parts`` are the block and the strips (``STRIPS``) of those beside it.
        """
        row, column = place
        side = BLOCK + 2 * MARGIN
        whole = np.zeros((side, side, next(iter(parts.values())).shape[2]), np.float32)
        known = np.zeros((side, side, 1), np.float32)
        for (r, c), values in parts.items():
            ys, xs = PLACES[r - row], PLACES[c - column]
            whole[ys, xs], known[ys, xs] = values, 1
        for axis, (first, length) in enumerate(((row, self._reader.height), (column, self._reader.width))):
            starts = (np.arange(side) - MARGIN + BLOCK * first) * CELL * self.scale
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


def _inside(whole: Floats) -> Floats:
    return whole[MARGIN:-MARGIN, MARGIN:-MARGIN]


def _means(whole: Floats, known: Floats) -> Iterator[Floats]:
    """Yield the mean of the known cells around each cell, for each size of surroundings."""
    values = torch.from_numpy(whole).permute(2, 0, 1)[None]
    weights = torch.from_numpy(known).permute(2, 0, 1)[None]
    for side in SURROUNDINGS:
        mean = _box(values, side) / _box(weights, side).clamp_min(1e-9)
        yield mean[0].permute(1, 2, 0).numpy()


def _box(values: Tensor, side: int) -> Tensor:
    for kernel in ((side, 1), (1, side)):
        padding = (kernel[0] // 2, kernel[1] // 2)
        values = functional.avg_pool2d(values, kernel, 1, padding)
    return values
