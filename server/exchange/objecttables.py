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
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray

from ml.contracts import Objects, Sentence
from ml.objectset import FlatObjects
from ml.objectset.flat import MULTIPOLYGON, POINT, POLYGON
from server.exchange.errors import BadObjectFileError
from server.exchange.geojson import UnreadRow
from server.exchange.objectfiles import NO_GEOMETRY, NO_SHAPE, Batch, check_shapes

ROWS: Final = 16_384
# What one group of rows may unpack to; writers make groups of some 100 MB.
MOST_GROUP_BYTES: Final = 2**30
_LABELS: Final = ("label", "classification", "class")
_GEOMETRY: Final = "geometry"
# A place is two numbers.
_PAIR: Final = 2


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
    shapes = _decoded(batch.column(_GEOMETRY))
    broken = _broken_lists(shapes) if isinstance(shapes, pa.Array) else _broken_shapes(shapes)
    bad += [UnreadRow(first + row, reason) for row, reason in broken.items()]
    # What is wrong with the others is told in the same report.
    kept = np.setdiff1d(np.arange(len(batch)), list(broken))
    flat = None
    if len(kept):
        flat = _flat(shapes, kept, label[kept], [values[kept] for values in numbers])
        bad += check_shapes(flat, (first + kept).tolist(), size)
    return Batch(flat, classes, len(batch), sorted(bad, key=lambda item: item.row))


def _numbers(batch: pa.RecordBatch, name: str, otherwise: float) -> NDArray[np.float32]:
    if name not in batch.schema.names:
        return np.full(len(batch), otherwise, dtype=np.float32)
    values = batch.column(name).cast(pa.float32()).fill_null(otherwise)
    numbers: NDArray[np.float32] = values.to_numpy(zero_copy_only=False)
    return numbers


def _classes(batch: pa.RecordBatch) -> tuple[list[str], NDArray[np.int64]]:
    """Return the class names of a batch and each row's place among them; no class is an empty name."""
    name = next((name for name in _LABELS if name in batch.schema.names), None)
    if name is None:
        return [""], np.zeros(len(batch), dtype=np.int64)
    texts = batch.column(name).cast(pa.string()).fill_null("").dictionary_encode()
    label: NDArray[np.int64] = texts.indices.to_numpy().astype(np.int64)
    return [text[:100] for text in texts.dictionary.to_pylist()], label


def _decoded(geometry: pa.Array) -> NDArray[np.object_] | pa.Array:
    """Return Shapely shapes from WKB, None where it is none, or GeoArrow polygons as they are."""
    kind = geometry.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        shapes: NDArray[np.object_] = shapely.from_wkb(
            geometry.to_numpy(zero_copy_only=False), on_invalid="ignore"
        )
        return shapes
    if not _is_list(kind):
        message = Sentence(
            "shapes_of_other_type",
            "Shapes are WKB or GeoArrow polygons here, not {type}.",
            type=str(kind),
        )
        raise BadObjectFileError(message)
    point = kind.value_type.value_type if _is_list(kind.value_type) else None
    if point is None or not (pa.types.is_fixed_size_list(point) and point.list_size == _PAIR):
        message = Sentence(
            "shapes_not_interleaved",
            "Shapes are WKB or GeoArrow polygons with interleaved coordinates here, not {type}.",
            type=str(kind),
        )
        raise BadObjectFileError(message)
    return geometry


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _broken_shapes(shapes: NDArray[np.object_]) -> dict[int, Sentence]:
    """Return the rows that are no point and no area, or have an empty part or ring."""
    kinds = shapely.get_type_id(shapes)
    broken = ~np.isin(kinds, (POINT, POLYGON, MULTIPOLYGON)) | shapely.is_empty(shapes)
    # Taking shapes apart costs as much as reading them: only where there is more than one ring.
    several = np.flatnonzero((kinds == MULTIPOLYGON) | (shapely.get_num_interior_rings(shapes) > 0))
    parts, row_of_part = shapely.get_parts(shapes[several], return_index=True)
    rings, part_of_ring = shapely.get_rings(parts, return_index=True)
    broken[several[row_of_part[shapely.is_empty(parts)]]] = True
    broken[several[row_of_part[part_of_ring[shapely.is_empty(rings)]]]] = True
    return dict.fromkeys(np.flatnonzero(broken).tolist(), NO_SHAPE)


def _broken_lists(polygons: pa.Array) -> dict[int, Sentence]:
    """Return the rows that have no geometry, no ring, a ring without points or a point without numbers."""
    levels = [polygons]
    for _ in ("rings", "points", "numbers"):
        levels.append(pc.list_flatten(levels[-1]))
    absent = [_absent(level) for level in levels]
    found: dict[int, Sentence] = {}
    if not any(mask.any() for mask in absent):
        return found
    row_of = np.arange(len(polygons))
    for level, mask in zip(levels, absent, strict=True):
        found |= dict.fromkeys(row_of[mask].tolist(), NO_SHAPE)
        if level is not levels[-1]:
            row_of = row_of[pc.list_parent_indices(level).to_numpy()]
    missing = np.flatnonzero(polygons.is_null().to_numpy(zero_copy_only=False))
    return found | dict.fromkeys(missing.tolist(), NO_GEOMETRY)


def _absent(level: pa.Array) -> NDArray[np.bool_]:
    """Return which items are null or lists of nothing."""
    mask: NDArray[np.bool_] = level.is_null().to_numpy(zero_copy_only=False)
    if _is_list(level.type):
        mask |= pc.equal(pc.list_value_length(level), 0).fill_null(fill_value=True).to_numpy(False)
    return mask


def _flat(
    shapes: NDArray[np.object_] | pa.Array,
    kept: NDArray[np.int64],
    label: NDArray[np.int64],
    numbers: list[NDArray[np.float32]],
) -> FlatObjects:
    """Return the flat arrays of some rows."""
    if not isinstance(shapes, pa.Array):
        return FlatObjects.from_shapely(Objects(shapes[kept], label.astype(np.int16), *numbers))
    columns: dict[str, Any] = {
        # A slice keeps the arrays of the whole; taking its rows makes arrays of its own.
        "geometry": shapes.take(pa.array(kept)),
        "label": label,
        "score": numbers[0],
        "uncertainty": numbers[1],
    }
    return FlatObjects.from_arrow(pa.record_batch(columns))
