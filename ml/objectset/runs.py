"""External sort: sorted runs on disk, merged range by range of the curve."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml.objectset.columns import ROWS
from ml.objectset.curve import BITS

# A run is sorted in memory, and so is a block of the merge; both stay far below a quarter of a gigabyte.
RUN_ROWS: Final = 262_144
RUN_BYTES: Final = 64 * 2**20
BLOCK_ROWS: Final = 131_072
_CHUNK_ROWS: Final = 4096
_SAMPLE_EVERY: Final = 1024
_ROW_BITS: Final = 64 - 2 * BITS

# ``long`` is the number of the object among the long ones, or -1.
SPILLED: Final = pa.schema([*ROWS, ("code", pa.uint64()), ("long", pa.int32())])
_GEOMETRY: Final = SPILLED.get_field_index("geometry")
# Inside, geometry is bytes: Arrow moves a string of bytes at a fifth of the price of a list of numbers.
_INSIDE: Final = SPILLED.set(_GEOMETRY, pa.field("geometry", pa.binary()))
_WIDTH: Final = np.dtype(np.int16).itemsize


class Runs:
    """External sorter of rows by their codes; equal codes keep the order of insertion."""

    schema: Final = SPILLED

    def __init__(self, folder: Path, *, run_rows: int = RUN_ROWS, run_bytes: int = RUN_BYTES) -> None:
        self._folder = folder
        self._most = run_rows, run_bytes
        self._waiting: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0
        self._paths: list[Path] = []
        self._samples: list[NDArray[np.uint64]] = []
        self.count = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Add a batch with the columns of SPILLED."""
        columns = batch.columns
        columns[_GEOMETRY] = _as_bytes(columns[_GEOMETRY])
        self._waiting.append(pa.RecordBatch.from_arrays(columns, schema=_INSIDE))
        self._rows += len(batch)
        self._bytes += batch.nbytes
        self.count += len(batch)
        if self._rows >= self._most[0] or self._bytes >= self._most[1]:
            self._spill()

    def merged(self) -> Iterator[pa.Table]:
        """Yield all rows in order, in blocks of about ``BLOCK_ROWS``; each run is read once."""
        if self._waiting:
            self._spill()
        with ExitStack() as files:
            runs = [_Run(files.enter_context(pa.OSFile(str(path)))) for path in self._paths]
            for border in [*self._borders(), None]:
                parts = [batch for run in runs for batch in run.take(border)]
                if parts:
                    block = _sorted(pa.Table.from_batches(parts, _INSIDE))
                    geometry = _as_lists(block.column(_GEOMETRY).chunk(0))
                    yield block.set_column(_GEOMETRY, SPILLED.field(_GEOMETRY), geometry)

    def _borders(self) -> list[np.uint64]:
        """Return codes that cut all rows into blocks, from a sample of each run."""
        sample = np.sort(np.concatenate(self._samples)) if self._samples else np.zeros(0, dtype=np.uint64)
        step = max(1, BLOCK_ROWS // _SAMPLE_EVERY)
        return list(np.unique(sample[step::step]))

    def _spill(self) -> None:
        run = _sorted(pa.Table.from_batches(self._waiting, _INSIDE))
        path = self._folder / f"run{len(self._paths)}.arrow"
        with pa.ipc.new_file(path, _INSIDE) as sink:
            sink.write_table(run, max_chunksize=_CHUNK_ROWS)
        self._paths.append(path)
        self._samples.append(run["code"].to_numpy()[::_SAMPLE_EVERY].copy())
        self._waiting, self._rows, self._bytes = [], 0, 0


class _Run:
    """A reader of one run from its beginning to its end, a few thousand rows at a time."""

    def __init__(self, file: Any) -> None:
        self._reader = pa.ipc.open_file(file)
        self._next = 0
        self._rest: pa.RecordBatch | None = None

    def take(self, border: np.uint64 | None) -> Iterator[pa.RecordBatch]:
        """Yield the unread rows below a code; all of them without a code."""
        while (batch := self._batch()) is not None:
            end = len(batch)
            if border is not None:
                end = int(np.searchsorted(batch.column("code").to_numpy(), border))
            if end:
                yield batch.slice(0, end)
            if end < len(batch):
                self._rest = batch.slice(end)
                return

    def _batch(self) -> pa.RecordBatch | None:
        batch, self._rest = self._rest, None
        if batch is None and self._next < self._reader.num_record_batches:
            batch = self._reader.get_batch(self._next)
            self._next += 1
        return batch


def _sorted(table: pa.Table) -> pa.Table:
    """Return the rows by code as one chunk."""
    whole = table.combine_chunks()
    return whole.take(pa.array(_order(whole["code"].to_numpy()))).combine_chunks()


def _as_bytes(lists: pa.ListArray) -> pa.BinaryArray:
    """Return lists of int16 as strings of bytes, without copying the numbers."""
    ends = pa.py_buffer(lists.offsets.to_numpy() * np.int32(_WIDTH))
    return pa.BinaryArray.from_buffers(pa.binary(), len(lists), [None, ends, lists.values.buffers()[1]])


def _as_lists(strings: pa.BinaryArray) -> pa.ListArray:
    """Return the lists of int16 of strings of bytes, for a whole array."""
    _, ends, content = strings.buffers()
    offsets = np.frombuffer(ends, np.int32, len(strings) + 1) // _WIDTH
    numbers = np.frombuffer(content, np.int16, int(offsets[-1])) if content else np.zeros(0, np.int16)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(numbers))


def _order(codes: NDArray[np.uint64]) -> NDArray[Any]:
    """Return a stable sort order; code and row in one number sort several times faster than ``argsort``."""
    if len(codes) >= 1 << _ROW_BITS:
        return np.argsort(codes, kind="stable")
    keys = (codes << np.uint64(_ROW_BITS)) | np.arange(len(codes), dtype=np.uint64)
    keys.sort()
    return keys & np.uint64((1 << _ROW_BITS) - 1)
