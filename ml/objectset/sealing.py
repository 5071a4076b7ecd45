"""Sealing of an object set: sorted runs become the tables, block by block."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml.objectset import cells, curve
from ml.objectset.cells import MOST_COUNTED, MOST_SHAPES, Square, count_cells, crowded
from ml.objectset.columns import LONG, NUMBERS, SCALE, SHAPES
from ml.objectset.manifest import FORMAT, Manifest
from ml.objectset.orders import ORDERS, sorted_numbers
from ml.objectset.runs import Runs

OBJECTS_FILE: Final = "objects.arrow"
SHAPES_FILE: Final = "shapes.arrow"
LONG_FILE: Final = "long.arrow"
LEAVES_FILE: Final = "leaves.arrow"
CELLS_FILE: Final = "cells.arrow"
ORDERS_FILE: Final = "orders.arrow"
FILES: Final = (OBJECTS_FILE, SHAPES_FILE, LONG_FILE, LEAVES_FILE, CELLS_FILE, ORDERS_FILE)

PAGE_ROWS: Final = 1024
LARGEST_LEAF: Final = 512
SMALLEST_LEAF: Final = 64
_CHUNK: Final = 1_000_000

LEAVES: Final = pa.schema([("code", pa.uint64()), ("start", pa.uint32())])
LONG_ROWS: Final = pa.schema([("index", pa.uint32()), *LONG])


@dataclass(slots=True)
class About:
    """State of a set while it is written; ``reach`` in steps."""

    labels: tuple[str, ...]
    width: int
    height: int
    reach: int = 0
    long: int = 0
    shape: str = "polygons"

    @property
    def tile0(self) -> int:
        """Return the side of the tile of level 0 in pixels, a power of two."""
        return 1 << int(np.ceil(np.log2(max(self.width, self.height, SMALLEST_LEAF))))


def seal(folder: Path, scratch: Path, runs: Runs, about: About) -> Manifest:
    """Write all tables and the manifest into ``folder``."""
    raw = _RawColumns(scratch)
    long_numbers = _write_shapes(folder, runs, raw)
    _write_long(folder, scratch, long_numbers)
    numbers = raw.mapped(runs.count)
    codes = numbers.pop("code")
    leaves, levels = _leaves(codes, about.tile0)
    _write(folder / LEAVES_FILE, pa.table(leaves, schema=LEAVES))
    _write(folder / OBJECTS_FILE, pa.table(numbers, schema=NUMBERS))
    _write_cells(folder, numbers, leaves, levels, about)
    _write_orders(folder, scratch, numbers)
    manifest = Manifest(
        format=FORMAT,
        count=runs.count,
        labels=about.labels,
        width=about.width,
        height=about.height,
        tile0=about.tile0,
        levels=levels,
        scale=SCALE,
        reach=about.reach / SCALE,
        long=about.long,
        shape=about.shape,
        per_label=tuple(_per_label(numbers, about.labels)),
        digest=_digest(folder),
    )
    manifest.write(folder)
    return manifest


class _RawColumns:
    """Columns that grow on disk, so that each ends as one array that can be mapped."""

    names: Final = (*NUMBERS.names, "code")

    def __init__(self, folder: Path) -> None:
        self._paths = {name: folder / f"{name}.raw" for name in self.names}
        self._files = {name: path.open("wb") for name, path in self._paths.items()}

    def append(self, block: pa.Table) -> None:
        for name, file in self._files.items():
            file.write(memoryview(block[name].to_numpy()))

    def mapped(self, count: int) -> dict[str, NDArray[Any]]:
        columns = {}
        for name, path in self._paths.items():
            self._files[name].close()
            kind = np.uint64 if name == "code" else NUMBERS.field(name).type.to_pandas_dtype()
            columns[name] = np.memmap(path, kind, "r") if count else np.zeros(0, dtype=kind)
        return columns


def _write_shapes(folder: Path, runs: Runs, raw: _RawColumns) -> NDArray[np.int64]:
    """Write geometry in pages of equal length; return (long, 2): number in the set, number when it came."""
    packed = pa.ipc.IpcWriteOptions(compression="zstd")
    rest = SHAPES.empty_table()
    long, done = [np.zeros((0, 2), dtype=np.int64)], 0
    with pa.ipc.new_file(folder / SHAPES_FILE, SHAPES, options=packed) as sink:
        for block in runs.merged():
            raw.append(block)
            came = block["long"].to_numpy()
            where = np.flatnonzero(came >= 0)
            long.append(np.stack([where + done, came[where]], axis=1))
            done += len(block)
            waiting = pa.concat_tables([rest, block.select(SHAPES.names)])
            full = len(waiting) - len(waiting) % PAGE_ROWS
            for start in range(0, full, PAGE_ROWS):
                sink.write_batch(_page(waiting.slice(start, PAGE_ROWS)))
            rest = waiting.slice(full)
        if len(rest):
            sink.write_batch(_page(rest))
    return np.concatenate(long)


def _page(table: pa.Table) -> pa.RecordBatch:
    return table.combine_chunks().to_batches()[0]


def _write_long(folder: Path, scratch: Path, numbers: NDArray[np.int64]) -> None:
    with (
        pa.memory_map(str(scratch / "long.arrow")) as source,
        pa.ipc.new_file(folder / LONG_FILE, LONG_ROWS) as sink,
    ):
        came = pa.ipc.open_file(source).read_all()
        for start in range(0, len(numbers), PAGE_ROWS):
            part = numbers[start : start + PAGE_ROWS]
            rows = came.take(pa.array(part[:, 1]))
            index = pa.array(part[:, 0].astype(np.uint32))
            sink.write_table(rows.add_column(0, LONG_ROWS.field("index"), index).combine_chunks())
        del came


def _leaves(codes: NDArray[np.uint64], tile0: int) -> tuple[dict[str, NDArray[Any]], int]:
    """Return code and first number of every leaf that holds objects, and the deepest level.

    Leaves are of 512 pixels, or smaller where one would hold too many to be drawn at once.
    """
    levels = max(0, int(np.log2(tile0 / LARGEST_LEAF)))
    deepest = int(np.log2(tile0 / SMALLEST_LEAF))
    while True:
        leaves, starts = _first_of_each(codes, levels)
        fullest = np.diff(np.append(starts, len(codes))).max(initial=0)
        if fullest <= MOST_SHAPES or levels >= deepest:
            return {"code": leaves, "start": starts.astype(np.uint32)}, levels
        levels += 1


def _first_of_each(codes: NDArray[np.uint64], level: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    shift = np.uint64(2 * (curve.BITS - level))
    starts = [np.zeros(min(1, len(codes)), dtype=np.int64)]
    for first in range(0, len(codes), _CHUNK):
        tiles = codes[first : first + _CHUNK + 1] >> shift
        starts.append(first + 1 + np.flatnonzero(tiles[1:] != tiles[:-1]))
    firsts = np.concatenate(starts)
    return codes[firsts] >> shift, firsts


def _write_cells(
    folder: Path, numbers: dict[str, NDArray[Any]], leaves: dict[str, NDArray[Any]], levels: int, about: About
) -> None:
    """Write the cell counts of the tiles that would be slow to count on request."""
    starts = np.append(leaves["start"].astype(np.int64), len(numbers["x"]))
    tables = [cells.STORED.empty_table()]
    for level, tiles, begins, ends in crowded(starts, leaves["code"], levels, MOST_COUNTED):
        side = (about.tile0 * SCALE) >> level
        for tile, begin, end in zip(tiles, begins, ends, strict=True):
            column, row = curve.decode(np.array([tile]))
            square = Square(int(column[0]) * side, int(row[0]) * side, side)
            part = {name: numbers[name][begin:end] for name in ("x", "y", "label", "score", "uncertainty")}
            counted = count_cells(part, square, len(about.labels))
            size = len(counted["cell"])
            where = {"level": np.full(size, level, np.uint8), "tile": np.full(size, tile, np.uint64)}
            tables.append(pa.table({**where, **counted}, schema=cells.STORED))
    _write(folder / CELLS_FILE, pa.concat_tables(tables).combine_chunks())


def _write_orders(folder: Path, scratch: Path, numbers: dict[str, NDArray[Any]]) -> None:
    orders = {}
    for name, (column, sign) in ORDERS.items():
        path = scratch / f"{name}.raw"
        with path.open("wb") as file:
            for part in sorted_numbers(numbers[column], sign):
                file.write(part.data)
        orders[name] = np.memmap(path, np.uint32, "r") if len(numbers[column]) else np.zeros(0, np.uint32)
    _write(folder / ORDERS_FILE, pa.table(orders))


def _per_label(numbers: dict[str, NDArray[Any]], labels: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    sums = np.zeros((4, len(labels)))
    for start in range(0, len(numbers["label"]), _CHUNK):
        part = {name: numbers[name][start : start + _CHUNK] for name in ("label", "score", "uncertainty")}
        sums[0] += np.bincount(part["label"], minlength=len(labels))
        is_scored = ~np.isnan(part["score"])
        weights = (np.where(is_scored, part["score"], 0), part["uncertainty"], is_scored)
        for row, values in enumerate(weights, start=1):
            sums[row] += np.bincount(part["label"], weights=values, minlength=len(labels))
    for name, (count, score, doubt, scored) in zip(labels, sums.T, strict=True):
        yield {
            "label": name,
            "count": int(count),
            "mean_score": float(score / scored) if scored else None,
            "mean_uncertainty": float(doubt / count) if count else None,
        }


def _digest(folder: Path) -> str:
    total = hashlib.sha256()
    for name in FILES:
        with (folder / name).open("rb") as file:
            while block := file.read(1 << 20):
                total.update(block)
    return total.hexdigest()


def _write(path: Path, table: pa.Table) -> None:
    """Write one batch, so that each column is one array in the file that can be mapped into memory."""
    with pa.ipc.new_file(path, table.schema) as sink:
        sink.write_table(table)
