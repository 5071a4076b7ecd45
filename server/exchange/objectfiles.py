"""Files of many objects as batches of flat arrays: GeoJSON, GeoParquet, Arrow. Bounded memory.

A row that cannot be kept is named with its reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Sentence
from ml.objectset import FlatObjects
from ml.objectset.columns import MOST_VERTICES
from server.exchange.features import stream_features
from server.exchange.geojson import UnreadRow, classification
from server.exchange.packed import open_text

BATCH: Final = 4096
TEXTS: Final = (".geojson", ".json", ".geojson.gz", ".json.gz")
TABLES: Final = (".parquet", ".geoparquet", ".arrow", ".feather")
_SCORES: Final = ("score", "probability", "confidence")
NO_SHAPE: Final = Sentence("row_no_shape", "Its coordinates do not form a shape.")
NO_GEOMETRY: Final = Sentence("row_no_geometry", "It has no geometry.")


@dataclass(slots=True)
class Batch:
    """Rows of a file. ``flat.label`` indexes ``classes``; it is None where no row can be kept.

    ``rows`` counts what was read, ``bad`` names the rows that cannot be kept.
    """

    flat: FlatObjects | None
    classes: list[str]
    rows: int
    bad: list[UnreadRow] = field(default_factory=list)
    colours: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Collected:
    """Shapes on their way into flat arrays."""

    points: list[Any] = field(default_factory=list)
    per_ring: list[int] = field(default_factory=list)
    per_polygon: list[int] = field(default_factory=list)
    per_object: list[int] = field(default_factory=list)
    numbers: list[tuple[float, float]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)

    def add(self, row: int, polygons: list[list[list[Any]]], name: str, numbers: tuple[float, float]) -> None:
        for rings in polygons:
            for ring in rings:
                self.points.extend(ring)
                self.per_ring.append(len(ring))
            self.per_polygon.append(len(rings))
        self.per_object.append(len(polygons))
        self.numbers.append(numbers)
        self.names.append(name)
        self.rows.append(row)


def read_features(path: Path, name: str, size: tuple[int, int]) -> Iterator[Batch]:
    """Yield the batches of a GeoJSON file on a slide of ``size``.

    Raises NotGeoJsonError or BadObjectFileError.
    """
    with open_text(path, name) as file:
        features = enumerate(stream_features(file))
        while part := list(islice(features, BATCH)):
            yield _batch(part, size)


def _batch(part: list[tuple[int, Any]], size: tuple[int, int]) -> Batch:
    found, bad = _Collected(), []
    colours: dict[str, str] = {}
    for row, feature in part:
        try:
            polygons = _polygons(feature)
            properties = _properties(feature)
            label, colour = classification(properties)
            found.add(row, polygons, label or "", _numbers(properties))
        except _RowError as error:
            bad.append(UnreadRow(row, error.reason))
        except (ValueError, TypeError, KeyError, IndexError):
            bad.append(UnreadRow(row, NO_SHAPE))
        else:
            if label and colour:
                colours.setdefault(label, colour)
    coordinates = _coordinates(found.points)
    if coordinates is None:
        return _batch_without(_rows_without_numbers(found), part, size)
    classes = sorted(set(found.names))
    flat = None
    if found.rows:
        flat = _flat(found, coordinates, classes)
        bad += check_shapes(flat, found.rows, size)
    return Batch(flat, classes, len(part), sorted(bad, key=lambda item: item.row), colours)


def _batch_without(broken: list[UnreadRow], part: list[tuple[int, Any]], size: tuple[int, int]) -> Batch:
    """Return the batch of the other rows, so that what is wrong with these is told in the same report."""
    rows = {each.row for each in broken}
    rest = _batch([(row, feature) for row, feature in part if row not in rows], size)
    bad = sorted([*broken, *rest.bad], key=lambda item: item.row)
    return Batch(rest.flat, rest.classes, len(part), bad, rest.colours)


class _RowError(ValueError):
    """Why a row cannot be kept, in words for the person who brought it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _polygons(feature: Any) -> list[list[list[Any]]]:
    """Return polygons of rings of points; a point is one ring of one point. Raises _RowError."""
    geometry = feature.get("geometry") if isinstance(feature, Mapping) else None
    if not isinstance(geometry, Mapping):
        raise _RowError(NO_GEOMETRY)
    kind, places = geometry.get("type"), geometry.get("coordinates")
    if kind == "Point" and places:
        return [[[places]]]
    if kind == "Polygon" and places and all(places):
        return [places]
    if kind == "MultiPolygon" and places and all(polygon and all(polygon) for polygon in places):
        return list(places)
    message = Sentence(
        "row_other_kind", "An object is a point, a polygon or several polygons, not {kind}.", kind=str(kind)
    )
    if kind in {"Point", "Polygon", "MultiPolygon"}:
        message = Sentence("row_shape_empty", "The shape is empty.")
    raise _RowError(message)


def _properties(feature: Mapping[str, Any]) -> Mapping[str, Any]:
    told = feature.get("properties")
    return told if isinstance(told, Mapping) else {}


def _numbers(properties: Mapping[str, Any]) -> tuple[float, float]:
    """Return score and uncertainty, from the properties or QuPath's measurements below them."""
    measured = properties.get("measurements")
    if isinstance(measured, list):  # older QuPath: a list of {name, value}
        pairs = [item for item in measured if isinstance(item, Mapping)]
        measured = {str(item.get("name")): item.get("value") for item in pairs}
    told = {**properties, **(measured if isinstance(measured, Mapping) else {})}
    score = next((told[name] for name in _SCORES if told.get(name) is not None), 1.0)
    doubt = told.get("uncertainty")
    return share(score), share(0.0 if doubt is None else doubt)


def share(value: Any) -> float:
    """Return a number from 0 to 1; raises ValueError with words for the person."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        message = Sentence("row_bad_score", "A score or uncertainty is not a number from 0 to 1.")
        raise _RowError(message)
    return float(value)


def _flat(found: _Collected, coordinates: NDArray[np.float64], classes: list[str]) -> FlatObjects:
    numbers = np.array(found.numbers, dtype=np.float32).reshape(-1, 2)
    places = {name: number for number, name in enumerate(classes)}
    return FlatObjects(
        coordinates,
        _starts(found.per_ring),
        np.array([places[name] for name in found.names], dtype=np.int64),
        numbers[:, 0],
        numbers[:, 1],
        _starts(found.per_polygon),
        _starts(found.per_object),
    )


def _coordinates(points: list[Any]) -> NDArray[np.float64] | None:
    """Return (points, 2), or None when one of them is not two numbers."""
    try:
        values = list(chain.from_iterable([point[:2] for point in points]))
        if len(values) == 2 * len(points) and set(map(type, values)) <= {int, float}:
            return np.array(values, dtype=np.float64).reshape(-1, 2)
    except (TypeError, ValueError, KeyError, OverflowError):
        pass
    return None


def _rows_without_numbers(found: _Collected) -> list[UnreadRow]:
    first = _starts(found.per_ring)[_starts(found.per_polygon)[_starts(found.per_object)]]
    return [
        UnreadRow(row, NO_SHAPE)
        for row, start, end in zip(found.rows, first[:-1], first[1:], strict=True)
        if _coordinates(found.points[start:end]) is None
    ]


def check_shapes(flat: FlatObjects, rows: Sequence[int], size: tuple[int, int]) -> list[UnreadRow]:
    """Name the rows that cannot be kept on a slide of ``size`` because of where or how long they are."""
    rings = flat.rings
    polygons = np.arange(len(rings)) if flat.polygons is None else flat.polygons
    objects = np.arange(len(polygons)) if flat.objects is None else flat.objects
    starts = rings[polygons[objects]]
    counts = np.diff(starts)
    low, high = (
        reduce.reduceat(flat.coordinates, starts[:-1], axis=0) for reduce in (np.minimum, np.maximum)
    )
    usable = (np.isfinite(low) & np.isfinite(high)).all(axis=1)
    outside = usable & ((high < 0) | (low > np.array(size))).any(axis=1)
    closed = (flat.coordinates[rings[:-1]] == flat.coordinates[rings[1:] - 1]).all(axis=1)
    corners = np.diff(rings) - (closed & (np.diff(rings) > 1))
    thinnest = np.minimum.reduceat(corners, polygons[objects[:-1]])
    thin = usable & (thinnest < 3) & (counts > 1)  # noqa: PLR2004 - corners of a ring
    reasons = (
        (~usable, Sentence("row_coordinate_not_number", "A coordinate is not a number.")),
        (outside, Sentence("row_off_slide", "It lies outside the slide.")),
        (thin, Sentence("row_ring_too_thin", "A ring needs three vertices or more.")),
    )
    found = [UnreadRow(rows[int(row)], reason) for mask, reason in reasons for row in np.flatnonzero(mask)]
    return found + [
        UnreadRow(rows[int(row)], _too_many_vertices(int(counts[row])))
        for row in np.flatnonzero(counts > MOST_VERTICES)
    ]


def _too_many_vertices(count: int) -> Sentence:
    return Sentence(
        "row_too_many_vertices",
        "It has {count:,} vertices; at most {most:,} are kept.",
        count=count,
        most=MOST_VERTICES,
    )


def _starts(counts: list[int]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(np.array(counts, dtype=np.int64))])
