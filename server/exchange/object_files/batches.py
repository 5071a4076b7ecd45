"""Batches of an object file as flat arrays, in bounded memory; invalid rows are reported."""

from __future__ import annotations

import gc
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml.contracts import Objects
from ml.messages import Message
from ml.objectset import FlatObjects
from server.exchange.formats.archives import SlideName
from server.exchange.formats.files import kind_of, read_file, read_table_file
from server.exchange.formats.geojson import NO_SHAPE
from server.exchange.formats.kinds import TABLES
from server.exchange.formats.shapes import ForeignShape, UnreadRow
from server.exchange.formats.tables import TableBatch, broken_lists, broken_shapes
from server.exchange.object_files.checks import SlideRules, check_shapes
from server.exchange.object_files.flat_shapes import Collected, numbers_of_points

BATCH: Final = 4096
_NO_SCORE: Final = math.nan
_NO_UNCERTAINTY: Final = 0.0
_BAD_SCORE: Final = Message("row_bad_score")
_EMPTY: Final = Message("row_shape_empty")
NUCLEUS_LEFT_OUT: Final = Message(
    "row_nucleus_left_out",
)
_REGION: Final = Message("row_region_no_object")


@dataclass(slots=True)
class Batch:
    """Rows of a file.

    ``flat.label`` indexes ``classes``; it is None where no row can be kept. ``rows`` counts the objects that
    were read; ``bad`` names the rows, or parts of rows, that are left out; ``notes`` names rows that are kept
    without something. ``left_out`` names rows of classes that the person leaves out. ``mended`` and ``cut``
    count shapes that are not as the file has them. ``middles`` are the middles (n, 2) of the shapes that were
    read, in the coordinates of the file.
    """

    flat: FlatObjects | None
    classes: list[str]
    rows: int
    bad: list[UnreadRow] = field(default_factory=list)
    colours: dict[str, str] = field(default_factory=dict)
    notes: list[UnreadRow] = field(default_factory=list)
    mended: int = 0
    cut: int = 0
    left_out: list[UnreadRow] = field(default_factory=list)
    middles: NDArray[np.float64] | None = None

    @property
    def without_score(self) -> int:
        """Number of the objects that have no score."""
        return 0 if self.flat is None else int(np.isnan(self.flat.score).sum())


def read_batches(
    path: Path,
    name: str,
    size: tuple[int, int],
    *,
    is_cut: bool = False,
    scale: float = 1.0,
    slide: SlideName | None = None,
    left_out: Mapping[str, Message] | None = None,
) -> Iterator[Batch]:
    """Yield the batches of an object file.

    Parameters
    ----------
    path, name
        The file, and the name that the person gave it.
    size
        Width and height of the slide in level-0 pixels.
    is_cut
        Cut shapes at the edge of the slide. Shapes wholly outside are always left out.
    scale
        Factor from the coordinates of the file to level-0 pixels.
    slide
        The slide, for an archive with the files of several.
    left_out
        Classes whose rows are left out, with the reason.

    Raises
    ------
    NotGeoJsonError, BadForeignFileError, BadObjectFileError
        The file as a whole cannot be read.

    """
    rules = SlideRules(size, is_cut, scale)
    kind = kind_of(path, name)
    if kind in TABLES:
        for table in read_table_file(path, kind):
            yield _table_batch(table, rules, left_out or {})
        return
    rows = read_file(path, name, slide=slide, most=None)
    while True:
        with _paused_collector():
            part = list(islice(rows, BATCH))
            batch = _row_batch(part, rules, left_out or {})
        if not part:
            return
        yield batch


@contextmanager
def _paused_collector() -> Iterator[None]:
    """Pause the garbage collector, as parsed JSON has no cycles: it doubles the time of reading."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _row_batch(
    part: list[ForeignShape | UnreadRow], rules: SlideRules, left_out: Mapping[str, Message]
) -> Batch:
    collected = Collected()
    batch = Batch(None, [], len(part))
    if left_out:
        part = _without_classes(part, batch, left_out)
    for row in part:
        if isinstance(row, UnreadRow):
            batch.bad.append(row)
            continue
        try:
            collected.add(row.row, _polygons(row), row.label or "", _numbers(row))
        except _RowError as error:
            batch.bad.append(UnreadRow(row.row, error.reason))
            continue
        except (ValueError, TypeError, KeyError, IndexError):
            batch.bad.append(UnreadRow(row.row, NO_SHAPE))
            continue
        if row.label and row.colour:
            batch.colours.setdefault(row.label, row.colour)
        if row.nucleus is not None:
            batch.notes.append(UnreadRow(row.row, NUCLEUS_LEFT_OUT))
    coordinates = numbers_of_points(collected.points)
    if coordinates is None:
        collected, coordinates = _without_bad_points(part, collected, batch)
    batch.classes = sorted(set(collected.names))
    if collected.rows:
        flat = collected.flat(coordinates, batch.classes)
        _check(batch, flat, collected.rows, rules, name_holes=False)
    return _sorted(batch)


def _without_classes(
    part: list[ForeignShape | UnreadRow], batch: Batch, left_out: Mapping[str, Message]
) -> list[ForeignShape | UnreadRow]:
    """Return the rows of imported classes; report the others in the batch."""
    kept: list[ForeignShape | UnreadRow] = []
    for row in part:
        reason = left_out.get(row.label or "") if isinstance(row, ForeignShape) else None
        if reason is None:
            kept.append(row)
        else:
            batch.left_out.append(UnreadRow(row.row, reason))
    return kept


def _without_bad_points(
    part: list[ForeignShape | UnreadRow], collected: Collected, batch: Batch
) -> tuple[Collected, NDArray[np.float64]]:
    """Collect the objects again without those with invalid points, and report these."""
    bad = set(collected.places_without_numbers())
    batch.bad += [UnreadRow(collected.rows[place], NO_SHAPE) for place in sorted(bad)]
    rest, place = Collected(), 0
    for row in part:
        if isinstance(row, UnreadRow):
            continue
        try:
            polygons, numbers = _polygons(row), _numbers(row)
        except (ValueError, TypeError, KeyError, IndexError):
            continue
        if place not in bad:
            rest.add(row.row, polygons, row.label or "", numbers)
        place += 1
    numbers_of = numbers_of_points(rest.points)
    return rest, np.zeros((0, 2)) if numbers_of is None else numbers_of


def _check(batch: Batch, flat: FlatObjects, rows: list[int], rules: SlideRules, *, name_holes: bool) -> None:
    checked = check_shapes(flat, rows, rules, name_holes=name_holes)
    batch.flat, batch.middles = checked.flat, checked.middles
    batch.bad += checked.bad
    batch.mended, batch.cut = checked.mended, checked.cut


def _sorted(batch: Batch) -> Batch:
    for rows in (batch.bad, batch.left_out):
        rows.sort(key=lambda row: row.row)
    return batch


class _RowError(ValueError):
    """Error of an invalid row, with a message for the user."""

    def __init__(self, reason: Message) -> None:
        super().__init__(reason)
        self.reason = reason


def _polygons(shape: ForeignShape) -> list[list[list[Any]]]:
    """Return polygons of rings of points; a point is one ring of one point. Raises _RowError."""
    if shape.is_finished_region:
        raise _RowError(_REGION)
    geometry: Mapping[str, Any] = shape.geometry
    kind, places = geometry["type"], geometry["coordinates"]
    if kind == "LineString":
        message = Message("row_other_kind", kind=kind)
        raise _RowError(message)
    if kind == "Point" and places:
        return [[[places]]]
    if kind == "Polygon" and places and all(places):
        return [places]
    if kind == "MultiPolygon" and places and all(polygon and all(polygon) for polygon in places):
        return list(places)
    raise _RowError(_EMPTY)


def _numbers(shape: ForeignShape) -> tuple[float, float]:
    """Return score (NaN: none) and uncertainty; raises _RowError outside 0..1."""
    if math.isnan(shape.score or 0) or math.isnan(shape.uncertainty or 0):
        raise _RowError(_BAD_SCORE)
    score = _NO_SCORE if shape.score is None else shape.score
    return score, _NO_UNCERTAINTY if shape.uncertainty is None else shape.uncertainty


def _table_batch(table: TableBatch, rules: SlideRules, left_out: Mapping[str, Message]) -> Batch:
    batch = Batch(None, table.classes, len(table), colours=table.colours)
    score, is_bad_score = _filled(batch, table, "score", _NO_SCORE)
    uncertainty, is_bad_uncertainty = _filled(batch, table, "uncertainty", _NO_UNCERTAINTY)
    columns, is_bad = [score, uncertainty], is_bad_score | is_bad_uncertainty
    shapes = table.shapes
    broken = broken_lists(shapes) if isinstance(shapes, pa.Array) else broken_shapes(shapes)
    batch.bad += [UnreadRow(table.first + row, reason) for row, reason in broken.items()]
    # Rows with a bad number are checked too, so that the report names every reason.
    ignored = _rows_left_out(batch, table, left_out)
    whole = np.setdiff1d(np.arange(len(table)), [*broken, *ignored])
    if len(whole):
        flat = _flat(shapes, whole, table.label[whole], [values[whole] for values in columns])
        _check(batch, flat, (table.first + whole).tolist(), rules, name_holes=True)
        if is_bad.any():
            batch.flat = None
            kept = whole[~is_bad[whole]]
            if len(kept):
                flat = _flat(shapes, kept, table.label[kept], [values[kept] for values in columns])
                checked = check_shapes(flat, (table.first + kept).tolist(), rules, name_holes=False)
                batch.flat, batch.mended, batch.cut = checked.flat, checked.mended, checked.cut
    if ignored:
        rows = {row.row for row in batch.left_out}
        batch.bad = [row for row in batch.bad if row.row not in rows]
        batch.notes = [row for row in batch.notes if row.row not in rows]
    return _sorted(batch)


def _rows_left_out(batch: Batch, table: TableBatch, left_out: Mapping[str, Message]) -> list[int]:
    """Report the rows of excluded classes in the batch; return their indices in the table."""
    places: list[int] = []
    for number, name in enumerate(table.classes):
        if name and name in left_out:
            rows = np.flatnonzero(table.label == number).tolist()
            batch.left_out += [UnreadRow(table.first + row, left_out[name]) for row in rows]
            places += rows
    return places


def _filled(
    batch: Batch, table: TableBatch, role: str, otherwise: float
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the numbers of a column, and a mask of invalid ones, which are reported.

    An empty uncertainty is named too; an empty score is none, and counted with the objects.
    """
    values = table.score if role == "score" else table.uncertainty
    if values is None:
        return np.full(len(table), otherwise, dtype=np.float32), np.zeros(len(table), dtype=bool)
    missing = table.missing[role]
    reason = Message("row_number_out_of_range", column=role)
    is_bad = np.isnan(values) & ~missing
    batch.bad += [UnreadRow(table.first + int(row), reason) for row in np.flatnonzero(is_bad)]
    if role != "score":
        empty = Message("row_number_empty", column=role, value=otherwise)
        batch.notes += [UnreadRow(table.first + int(row), empty) for row in np.flatnonzero(missing)]
    return np.where(missing, np.float32(otherwise), values), is_bad


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
