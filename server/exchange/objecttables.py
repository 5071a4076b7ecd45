"""Tables of objects: GeoParquet and Arrow, with shapes as WKB or as GeoArrow polygons.

Columns: ``geometry``; optionally ``label`` (or ``classification``, ``class``), ``score``, ``uncertainty``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray

from ml.contracts import Objects, Sentence
from ml.objectset import FlatObjects
from server.exchange.errors import BadObjectFileError
from server.exchange.geojson import UnreadRow
from server.exchange.objectfiles import NO_GEOMETRY, NO_SHAPE, Batch, check_shapes

ROWS: Final = 16_384
# What one group of rows may unpack to; writers make groups of some 100 MB.
MOST_GROUP_BYTES: Final = 2**30
_LABELS: Final = ("label", "classification", "class")
_GEOMETRY: Final = "geometry"


def read_table(path: Path, name: str, size: tuple[int, int]) -> Iterator[Batch]:
    """Yield the batches of a table on a slide of ``size``; raises BadObjectFileError."""
    try:
        batches = _parquet(path) if name.lower().endswith("parquet") else _arrow(path)
        first = 0
        for batch in batches:
            if len(batch):
                yield _batch(batch, first, size)
                first += len(batch)
    except (pa.ArrowException, OSError, MemoryError, shapely.errors.ShapelyError) as error:
        message = Sentence("table_unreadable", "The file cannot be read: {reason}", reason=str(error)[:300])
        raise BadObjectFileError(message) from error


def _parquet(path: Path) -> Iterator[pa.RecordBatch]:
    file = pq.ParquetFile(path)
    groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
    if any(group.total_byte_size > MOST_GROUP_BYTES for group in groups):
        message = Sentence(
            "row_group_too_large",
            "A group of rows unpacks to more than {most} GiB; write smaller ones.",
            most=MOST_GROUP_BYTES // 2**30,
        )
        raise BadObjectFileError(message)
    told = (file.schema_arrow.metadata or {}).get(b"geo")
    try:
        named = json.loads(told)["primary_column"] if told else _GEOMETRY
    except (ValueError, KeyError, TypeError) as error:
        message = Sentence("not_geoparquet", "What the file says of its geometry is not GeoParquet.")
        raise BadObjectFileError(message) from error
    wanted = [name for name in file.schema_arrow.names if name in {named, *_LABELS, "score", "uncertainty"}]
    for batch in file.iter_batches(ROWS, columns=wanted):
        names = [_GEOMETRY if name == named else name for name in batch.schema.names]
        yield batch.rename_columns(names)


def _arrow(path: Path) -> Iterator[pa.RecordBatch]:
    file = pa.ipc.open_file(pa.OSFile(str(path)))
    for number in range(file.num_record_batches):
        whole = file.get_batch(number)
        for start in range(0, len(whole), ROWS):
            yield whole.slice(start, ROWS)


def _batch(batch: pa.RecordBatch, first: int, size: tuple[int, int]) -> Batch:
    names = batch.schema.names
    if _GEOMETRY not in names:
        message = Sentence(
            "no_shape_column",
            "The table has no column of shapes; its columns are {columns}.",
            columns=", ".join(names[:20]),
        )
        raise BadObjectFileError(message)
    numbers, bad = [], []
    for name, otherwise in (("score", 1.0), ("uncertainty", 0.0)):
        values = _numbers(batch, name, otherwise)
        wrong = np.flatnonzero(~((values >= 0) & (values <= 1)))
        bad += [
            UnreadRow(
                first + int(row),
                Sentence("row_number_out_of_range", "Its {column} is not a number from 0 to 1.", column=name),
            )
            for row in wrong
        ]
        numbers.append(values)
    classes, label = _classes(batch)
    flat, worse = _shapes(batch.column(_GEOMETRY), label, numbers, first)
    if flat is not None:
        worse = check_shapes(flat, range(first, first + len(batch)), size)
    return Batch(flat, classes, len(batch), sorted([*bad, *worse], key=lambda item: item.row))


def _numbers(batch: pa.RecordBatch, name: str, otherwise: float) -> NDArray[np.float32]:
    if name not in batch.schema.names:
        return np.full(len(batch), otherwise, dtype=np.float32)
    values: NDArray[np.float32] = batch.column(name).cast(pa.float32()).to_numpy(zero_copy_only=False)
    return values


def _classes(batch: pa.RecordBatch) -> tuple[list[str], NDArray[np.int64]]:
    """Return the class names of a batch and each row's place among them; no class is an empty name."""
    name = next((name for name in _LABELS if name in batch.schema.names), None)
    if name is None:
        return [""], np.zeros(len(batch), dtype=np.int64)
    texts = batch.column(name).cast(pa.string()).fill_null("").dictionary_encode()
    label: NDArray[np.int64] = texts.indices.to_numpy().astype(np.int64)
    return [text[:100] for text in texts.dictionary.to_pylist()], label


def _shapes(
    geometry: pa.Array, label: NDArray[np.int64], numbers: list[NDArray[np.float32]], first: int
) -> tuple[FlatObjects | None, list[UnreadRow]]:
    """Return the flat arrays of a column of shapes, or the rows for which there are none."""
    if pa.types.is_list(geometry.type) or pa.types.is_large_list(geometry.type):
        return _geoarrow(geometry, label, numbers, first)
    if not (pa.types.is_binary(geometry.type) or pa.types.is_large_binary(geometry.type)):
        message = Sentence(
            "shapes_of_other_type",
            "Shapes are WKB or GeoArrow polygons here, not {type}.",
            type=str(geometry.type),
        )
        raise BadObjectFileError(message)
    shapes = shapely.from_wkb(geometry.to_numpy(zero_copy_only=False), on_invalid="ignore")
    try:
        return FlatObjects.from_shapely(Objects(shapes, label.astype(np.int16), *numbers)), []
    except ValueError:
        kinds = np.isin(shapely.get_type_id(shapes), (0, 3, 6)) & ~shapely.is_empty(shapes)
        return None, [UnreadRow(first + int(row), NO_SHAPE) for row in np.flatnonzero(~kinds)]


def _geoarrow(
    geometry: pa.Array, label: NDArray[np.int64], numbers: list[NDArray[np.float32]], first: int
) -> tuple[FlatObjects | None, list[UnreadRow]]:
    inner = geometry.type.value_type
    nested = pa.types.is_list(inner) or pa.types.is_large_list(inner)
    if not (nested and pa.types.is_fixed_size_list(inner.value_type)):
        message = Sentence(
            "shapes_not_interleaved",
            "Shapes are WKB or GeoArrow polygons with interleaved coordinates here, not {type}.",
            type=str(geometry.type),
        )
        raise BadObjectFileError(message)
    missing = np.flatnonzero(geometry.is_null().to_numpy(zero_copy_only=False))
    if len(missing):
        return None, [UnreadRow(first + int(row), NO_GEOMETRY) for row in missing]
    # A slice keeps the arrays of the whole; taking its rows makes arrays of its own.
    own = geometry.take(pa.array(np.arange(len(geometry))))
    columns: dict[str, Any] = {
        "geometry": own,
        "label": label,
        "score": numbers[0],
        "uncertainty": numbers[1],
    }
    flat = FlatObjects.from_arrow(pa.record_batch(columns))
    polygons = np.arange(len(flat.rings)) if flat.polygons is None else flat.polygons
    empty = np.diff(flat.rings[polygons]) < 1
    if empty.any() or (np.diff(flat.rings) < 1).any():
        return None, [UnreadRow(first + int(row), NO_SHAPE) for row in np.flatnonzero(empty)]
    return flat, []
