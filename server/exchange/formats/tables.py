"""Tables of shapes: GeoParquet, Parquet and Arrow, with shapes as WKB or as GeoArrow polygons.

One column holds the shapes; others may hold the class, the score and the uncertainty, under the names of
``classes.KEYS`` and ``scores``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray
from shapely.geometry import mapping

from ml.messages import Message
from ml.objectset.flat import MULTIPOLYGON, POINT, POLYGON
from server.exchange.errors import BadObjectFileError
from server.exchange.formats.classes import KEYS, parse_class
from server.exchange.formats.geojson import NO_GEOMETRY, NO_SHAPE
from server.exchange.formats.kinds import Kind
from server.exchange.formats.scores import NumberNames
from server.exchange.formats.shapes import ForeignShape, UnreadRow

ROWS: Final = 16_384
# What one group of rows may unpack to; writers make groups of some 100 MB.
MOST_GROUP_BYTES: Final = 2**30
_GEOMETRY: Final = "geometry"
# A place is two numbers.
_PAIR: Final = 2
_NAMED: Final = 20
_SHAPES: Final = {"Point": "point", "LineString": "line", "Polygon": "polygon", "MultiPolygon": "polygon"}


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the columns to read; None for one that the table lacks."""

    geometry: str
    label: str | None
    score: str | None
    uncertainty: str | None

    def names(self) -> list[str]:
        """Return the names, each once."""
        every = (self.geometry, self.label, self.score, self.uncertainty)
        return list(dict.fromkeys(name for name in every if name is not None))


@dataclass(slots=True)
class TableBatch:
    """Consecutive rows of a table, the first of them number ``first``.

    ``shapes`` are Shapely geometries, None where the WKB is none, or GeoArrow polygons. ``label`` indexes
    ``classes`` (names, empty for no class). ``score`` and ``uncertainty`` are float32, NaN where the value is
    no number from 0 to 1; None without such a column. ``missing`` has the mask of empty values of each.
    """

    first: int
    shapes: NDArray[np.object_] | pa.Array
    classes: list[str]
    label: NDArray[np.int64]
    colours: dict[str, str] = field(default_factory=dict)
    score: NDArray[np.float32] | None = None
    uncertainty: NDArray[np.float32] | None = None
    missing: dict[str, NDArray[np.bool_]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.label)


# Names and classes may be no UTF-8.
_TABLE_ERRORS: Final = (
    pa.ArrowException, OSError, MemoryError, UnicodeDecodeError, shapely.errors.ShapelyError
)  # fmt: skip


def read_table(path: Path | pa.BufferReader, kind: Kind) -> Iterator[TableBatch]:
    """Yield the batches of a table; raises BadObjectFileError."""
    try:
        batches = (
            _parquet(path) if kind == Kind.PARQUET else _arrow(path, is_stream=kind == Kind.ARROW_STREAM)
        )
        first = 0
        for batch, columns in batches:
            if len(batch):
                yield _batch(batch, columns, first)
                first += len(batch)
    except _TABLE_ERRORS as error:
        message = Message("table_unreadable", reason=error)
        raise BadObjectFileError(message) from error


def rows_of_table(batch: TableBatch) -> Iterator[ForeignShape | UnreadRow]:
    """Yield the rows of a batch one by one."""
    shapes = batch.shapes
    if isinstance(shapes, pa.Array):
        broken = broken_lists(shapes)
        areas: list[Any] = [
            None if row in broken else _polygon(rings) for row, rings in enumerate(shapes.to_pylist())
        ]
    else:
        broken, areas = {}, shapes.tolist()
    for row, area in enumerate(areas):
        number = batch.first + row
        if area is None or area.is_empty:
            yield UnreadRow(number, broken.get(row, NO_SHAPE))
            continue
        for part in _single_parts(area):
            yield _row(batch, row, number, part)


def _row(batch: TableBatch, row: int, number: int, part: Any) -> ForeignShape | UnreadRow:
    shape = _SHAPES.get(part.geom_type)
    if shape is None:
        reason = Message("row_shape_not_drawn", kind=part.geom_type)
        return UnreadRow(number, reason)
    name = batch.classes[int(batch.label[row])]
    return ForeignShape(
        row=number,
        id=None,
        shape=shape,
        geometry=json.loads(json.dumps(mapping(part))),
        label=name or None,
        colour=batch.colours.get(name),
        note="",
        score=_number_of(batch, "score", row),
        uncertainty=_number_of(batch, "uncertainty", row),
    )


def _number_of(batch: TableBatch, role: str, row: int) -> float | None:
    values = batch.score if role == "score" else batch.uncertainty
    return None if values is None or batch.missing[role][row] else float(values[row])


def _polygon(rings: Sequence[Any]) -> Any:
    with suppress(shapely.errors.ShapelyError, ValueError):
        return shapely.Polygon(rings[0], rings[1:])
    return None


def _single_parts(area: Any) -> Iterator[Any]:
    """Yield the parts of collections, lines and points; several polygons stay one area."""
    if area.geom_type in {"MultiPoint", "MultiLineString", "GeometryCollection"}:
        for part in area.geoms:
            yield from _single_parts(part)
    else:
        yield shapely.force_2d(area)


def _parquet(path: Path | pa.BufferReader) -> Iterator[tuple[pa.RecordBatch, Columns]]:
    file = pq.ParquetFile(path)
    groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
    if any(group.total_byte_size > MOST_GROUP_BYTES for group in groups):
        message = Message(
            "row_group_too_large",
            most=MOST_GROUP_BYTES // 2**30,
        )
        raise BadObjectFileError(message)
    schema = file.schema_arrow
    geometry = _geometry_column(schema, lambda names: next(file.iter_batches(_NAMED, columns=names), None))
    columns = _columns(schema, geometry)
    for batch in file.iter_batches(ROWS, columns=columns.names()):
        yield batch, columns


def _arrow(path: Path | pa.BufferReader, *, is_stream: bool) -> Iterator[tuple[pa.RecordBatch, Columns]]:
    source = pa.OSFile(str(path)) if isinstance(path, Path) else path
    if is_stream:
        batches: Iterator[pa.RecordBatch] = iter(pa.ipc.open_stream(source))
    else:
        file = pa.ipc.open_file(source)
        batches = (file.get_batch(number) for number in range(file.num_record_batches))
    columns = None
    for whole in batches:
        if columns is None:
            columns = _columns(whole.schema, _geometry_column(whole.schema, whole.select))
        for start in range(0, len(whole), ROWS):
            yield whole.slice(start, ROWS), columns


def _geometry_column(schema: pa.Schema, read: Any) -> str:
    """Return the name of the column of shapes: by metadata, by name, or the only WKB column.

    ``read`` returns the first rows of columns by their names.
    """
    names = schema.names
    named = _primary_column(schema)
    if named in names:
        return str(named)
    if _GEOMETRY in names:
        return _GEOMETRY
    lists = [name for name in names if _is_polygon_list(schema.field(name).type)]
    binaries = [name for name in names if _is_binary(schema.field(name).type)]
    sample = read(binaries) if binaries else None
    shaped = [name for name in binaries if sample is not None and _holds_wkb(sample.column(name))]
    candidates = shaped or lists
    if len(candidates) == 1:
        return str(candidates[0])
    message = Message(
        "no_shape_column",
        columns=", ".join(names[:_NAMED]),
    )
    if candidates:
        message = Message(
            "several_shape_columns",
            columns=", ".join(candidates[:_NAMED]),
        )
    raise BadObjectFileError(message)


def _primary_column(schema: pa.Schema) -> str | None:
    """Return the column in GeoParquet's metadata; None where the table has none, or invalid ones."""
    try:
        name = json.loads((schema.metadata or {})[b"geo"])["primary_column"]
    except (ValueError, KeyError, TypeError):
        return None
    return name if isinstance(name, str) else None


def _holds_wkb(column: pa.Array) -> bool:
    values = [value for value in column.to_pylist() if value is not None]
    shapes = shapely.from_wkb(np.array([*values, None], dtype=object)[:-1], on_invalid="ignore")
    return bool(values) and all(shape is not None for shape in shapes)


def _columns(schema: pa.Schema, geometry: str) -> Columns:
    others = [name for name in schema.names if name != geometry]
    by_case = {name.lower(): name for name in reversed(others)}
    label = next((by_case[key] for key in KEYS if key in by_case), None)
    names = NumberNames()
    best: dict[str, tuple[int, str]] = {}
    for name in others:
        role = names.role_of(name)
        if role and name != label and (role[0] not in best or role[1] < best[role[0]][0]):
            best[role[0]] = role[1], name
    score, uncertainty = best.get("score"), best.get("uncertainty")
    return Columns(geometry, label, score and score[1], uncertainty and uncertainty[1])


def _batch(batch: pa.RecordBatch, columns: Columns, first: int) -> TableBatch:
    classes, label, colours = _classes(batch, columns.label)
    made = TableBatch(first, _decoded(batch.column(columns.geometry)), classes, label, colours)
    if columns.score:
        made.score, made.missing["score"] = _numbers(batch.column(columns.score))
    if columns.uncertainty:
        made.uncertainty, made.missing["uncertainty"] = _numbers(batch.column(columns.uncertainty))
    return made


def _numbers(column: pa.Array) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the numbers of a column, NaN outside 0..1, and a mask of missing values."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    missing: NDArray[np.bool_] = column.is_null().to_numpy(zero_copy_only=False)
    if (
        pa.types.is_floating(column.type)
        or pa.types.is_integer(column.type)
        or pa.types.is_decimal(column.type)
    ):
        filled = column.cast(pa.float64(), safe=False).fill_null(np.nan)
        values = filled.to_numpy(zero_copy_only=False).astype(np.float64)
    else:
        values = np.array([_as_number(value) for value in column.to_pylist()], dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return np.where((values >= 0) & (values <= 1), values, np.nan).astype(np.float32), missing


def _as_number(value: Any) -> float:
    with suppress(ValueError, TypeError):
        return float(value)
    return float("nan")


def _classes(batch: pa.RecordBatch, name: str | None) -> tuple[list[str], NDArray[np.int64], dict[str, str]]:
    """Return the class names of a batch, each row's index among them, and the colours of names.

    No class is an empty name.
    """
    if name is None:
        return [""], np.zeros(len(batch), dtype=np.int64), {}
    values, places = _distinct(batch.column(name))
    classes: dict[str, int] = {}
    colours: dict[str, str] = {}
    place_of = np.zeros(len(values) + 1, dtype=np.int64)
    for number, value in enumerate([*values, None]):
        label, colour = parse_class(value)
        place_of[number] = classes.setdefault(label or "", len(classes))
        if label and colour:
            colours.setdefault(label, colour)
    return list(classes), place_of[places], colours


def _distinct(column: pa.Array) -> tuple[list[Any], NDArray[np.int64]]:
    """Return the distinct values of a column and each row's index among them; null is the last index."""
    if pa.types.is_nested(column.type):
        texts = pa.array(
            [None if v is None else json.dumps(v, default=str) for v in column.to_pylist()], pa.string()
        )
        column = texts
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    values = encoded.dictionary.to_pylist()
    places = encoded.indices.fill_null(len(values)) if _fits(encoded, len(values)) else None
    if places is None:
        places = encoded.indices.cast(pa.int64()).fill_null(len(values))
    return values, places.to_numpy(zero_copy_only=False).astype(np.int64)


def _fits(encoded: pa.DictionaryArray, number: int) -> bool:
    """Return whether an index fits the type of the indices."""
    return number <= np.iinfo(encoded.indices.type.to_pandas_dtype()).max


def _decoded(geometry: pa.Array) -> NDArray[np.object_] | pa.Array:
    """Return Shapely shapes from WKB, None for invalid ones, or GeoArrow polygons as they are."""
    if isinstance(geometry, pa.ExtensionArray):
        geometry = geometry.storage
    kind = geometry.type
    if _is_binary(kind):
        shapes: NDArray[np.object_] = shapely.from_wkb(
            geometry.to_numpy(zero_copy_only=False), on_invalid="ignore"
        )
        return shapes
    if not _is_list(kind):
        message = Message(
            "shapes_of_other_type",
            type=str(kind),
        )
        raise BadObjectFileError(message)
    if not _is_polygon_list(kind):
        message = Message(
            "shapes_not_interleaved",
            type=str(kind),
        )
        raise BadObjectFileError(message)
    return geometry


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _is_polygon_list(kind: pa.DataType) -> bool:
    """Return whether a type is GeoArrow's of polygons with interleaved coordinates."""
    if not (_is_list(kind) and _is_list(kind.value_type)):
        return False
    point = kind.value_type.value_type
    return bool(pa.types.is_fixed_size_list(point) and point.list_size == _PAIR)


def broken_shapes(shapes: NDArray[np.object_]) -> dict[int, Message]:
    """Return the rows that are neither point nor area, or have an empty part or ring."""
    kinds = shapely.get_type_id(shapes)
    broken = ~np.isin(kinds, (POINT, POLYGON, MULTIPOLYGON)) | shapely.is_empty(shapes)
    # Taking shapes apart costs as much as reading them: only where there is more than one ring.
    several = np.flatnonzero((kinds == MULTIPOLYGON) | (shapely.get_num_interior_rings(shapes) > 0))
    parts, row_of_part = shapely.get_parts(shapes[several], return_index=True)
    rings, part_of_ring = shapely.get_rings(parts, return_index=True)
    broken[several[row_of_part[shapely.is_empty(parts)]]] = True
    broken[several[row_of_part[part_of_ring[shapely.is_empty(rings)]]]] = True
    return dict.fromkeys(np.flatnonzero(broken).tolist(), NO_SHAPE)


def broken_lists(polygons: pa.Array) -> dict[int, Message]:
    """Return the rows without geometry or ring, with an empty ring or a point without numbers."""
    levels = [polygons]
    for _ in ("rings", "points", "numbers"):
        levels.append(pc.list_flatten(levels[-1]))
    absent = [_absent(level) for level in levels]
    broken: dict[int, Message] = {}
    if not any(mask.any() for mask in absent):
        return broken
    row_of = np.arange(len(polygons))
    for level, mask in zip(levels, absent, strict=True):
        broken |= dict.fromkeys(row_of[mask].tolist(), NO_SHAPE)
        if level is not levels[-1]:
            row_of = row_of[pc.list_parent_indices(level).to_numpy()]
    missing = np.flatnonzero(polygons.is_null().to_numpy(zero_copy_only=False))
    return broken | dict.fromkeys(missing.tolist(), NO_GEOMETRY)


def _absent(level: pa.Array) -> NDArray[np.bool_]:
    """Return which items are null or empty lists."""
    mask: NDArray[np.bool_] = level.is_null().to_numpy(zero_copy_only=False)
    if _is_list(level.type):
        mask |= pc.equal(pc.list_value_length(level), 0).fill_null(fill_value=True).to_numpy(False)
    return mask
