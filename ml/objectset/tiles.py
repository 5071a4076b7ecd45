"""Wire format of tiles: one record batch as an Arrow IPC stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml.objectset import curve
from ml.objectset.cells import CELLS_PER_SIDE, Square

CELLS: Final = pa.schema(
    [
        *((name, pa.float32()) for name in ("x", "y", "size")),
        ("label", pa.uint16()),
        ("count", pa.uint32()),
        ("score", pa.float32()),
        ("uncertainty", pa.float32()),
    ]
)
_SHAPE_NUMBERS: Final = ("label", "score", "uncertainty", "area", "x", "y")


def shapes_batch(
    numbers: NDArray[np.int64], columns: Mapping[str, NDArray[Any]], shapes: pa.RecordBatch
) -> pa.RecordBatch:
    """Return the rows of a tile of shapes."""
    columns_of = {
        "index": numbers.astype(np.uint32),
        **{name: columns[name][numbers] for name in _SHAPE_NUMBERS},
    }
    arrays = [pa.array(values) for values in columns_of.values()]
    return pa.RecordBatch.from_arrays([*arrays, *shapes.columns], names=[*columns_of, *shapes.schema.names])


def cells_batch(counted: Mapping[str, NDArray[Any]], square: Square, scale: int) -> pa.RecordBatch:
    """Return the rows of a tile of cells, from cell numbers and their counts."""
    places = cell_places(counted["cell"], square, scale)
    return pa.record_batch(
        [pa.array(values) for values in (*places, *(counted[name] for name in CELLS.names[3:]))], schema=CELLS
    )


def cell_places(cell: NDArray[Any], square: Square, scale: int) -> tuple[NDArray[np.float32], ...]:
    """Return x, y and size of cells in level-0 pixels."""
    size = square.side / CELLS_PER_SIDE / scale
    column, row = cell % CELLS_PER_SIDE, cell // CELLS_PER_SIDE
    return (
        (square.x / scale + column * size).astype(np.float32),
        (square.y / scale + row * size).astype(np.float32),
        np.full(len(cell), size, dtype=np.float32),
    )


def index_batch(rows: Sequence[tuple[int, Any, Any, Any]]) -> pa.RecordBatch:
    """Return z, x, y and count of tiles, given as (level, codes, starts, ends)."""
    columns: dict[str, list[NDArray[Any]]] = {"z": [], "x": [], "y": [], "count": []}
    for level, codes, starts, ends in rows:
        column, row = curve.decode(codes)
        for name, values in zip(
            columns, (np.full(len(codes), level), column, row, ends - starts), strict=True
        ):
            columns[name].append(values.astype(np.uint8 if name == "z" else np.uint32))
    arrays = [pa.array(np.concatenate(values)) for values in columns.values()]
    return pa.RecordBatch.from_arrays(arrays, names=list(columns))


def stream(batch: pa.RecordBatch, details: Mapping[str, Any], scale: int) -> bytes:
    """Return a stream of the batch with ``details`` and the scale as metadata of its schema."""
    known = {name: str(value) for name, value in {**details, "scale": scale}.items()}
    marked = batch.replace_schema_metadata(known)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, marked.schema) as out:
        out.write_batch(marked)
    content: bytes = sink.getvalue().to_pybytes()
    return content
