"""GeoJSON as QuPath writes and reads it: features whose properties carry classification and kind.

Geometry follows RFC 7946 but in level-0 pixels, as QuPath has it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ml.contracts import Sentence
from server.exchange.errors import NotGeoJsonError, TooManyFeaturesError

MOST_FEATURES: Final = 20_000
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
_SHAPES: Final = {
    "Point": "point",
    "LineString": "line",
    "Polygon": "polygon",
    "MultiPolygon": "polygon",
}


@dataclass(frozen=True, slots=True)
class ForeignShape:
    """One geometry of a file. ``row`` counts features from 0; ``label`` and ``colour`` may be missing."""

    row: int
    id: str | None
    shape: str
    geometry: dict[str, Any]
    label: str | None
    colour: str | None
    note: str
    reviewed: bool = True


@dataclass(frozen=True, slots=True)
class UnreadRow:
    """A feature that is not taken, and why."""

    row: int
    reason: str


def read_geojson(content: bytes) -> list[ForeignShape | UnreadRow]:
    """Return what the features of a file say; raises NotGeoJsonError or TooManyFeaturesError."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        message = Sentence("not_json", "The file is not JSON: {reason}.", reason=str(error))
        raise NotGeoJsonError(message) from error
    return rows_of(_features(document))


def rows_of(features: Sequence[Any]) -> list[ForeignShape | UnreadRow]:
    """Return what features say; raises TooManyFeaturesError."""
    items = [item for row, feature in enumerate(features) for item in _read(row, feature)]
    if len(items) > MOST_FEATURES:
        message = Sentence(
            "too_many_shapes",
            "The file has {count:,} shapes; at most {most:,} become annotations.",
            count=len(items),
            most=MOST_FEATURES,
        )
        raise TooManyFeaturesError(message)
    return items


def write_feature(
    *,
    feature_id: str,
    geometry: Mapping[str, Any],
    kind: str,
    label: str | None,
    colour: str | None,
    properties: Mapping[str, Any],
) -> dict[str, Any]:
    """Return a feature that QuPath opens: ``kind`` is annotation or detection."""
    told: dict[str, Any] = {"objectType": kind, **properties}
    if label is not None:
        told["classification"] = {"name": label}
        if colour:
            told["classification"]["color"] = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return {"type": "Feature", "id": feature_id, "geometry": dict(geometry), "properties": told}


def _features(document: Any) -> list[Any]:
    if isinstance(document, list):
        return document
    if isinstance(document, Mapping):
        if isinstance(document.get("features"), list):
            found: list[Any] = document["features"]
            return found
        if document.get("type") == "Feature":
            return [document]
        if document.get("type") in {*_SHAPES, "GeometryCollection", "MultiPoint"}:
            return [{"type": "Feature", "geometry": document, "properties": {}}]
    message = Sentence(
        "json_neither", "The file is JSON, but neither a FeatureCollection nor a list of features."
    )
    raise NotGeoJsonError(message)


def _read(row: int, feature: Any) -> Iterator[ForeignShape | UnreadRow]:
    geometry = feature.get("geometry") if isinstance(feature, Mapping) else None
    if not isinstance(geometry, Mapping):
        yield UnreadRow(row, Sentence("row_no_geometry", "It has no geometry."))
        return
    told = feature.get("properties")
    properties = told if isinstance(told, Mapping) else {}
    label, colour = classification(properties)
    parts = _parts(geometry)
    if not parts:
        yield UnreadRow(row, Sentence("row_no_shape", "Its coordinates do not form a shape."))
    for part in parts:
        shape = _SHAPES.get(str(part.get("type")))
        if shape is None:
            yield UnreadRow(
                row,
                Sentence(
                    "row_shape_not_drawn",
                    "A {kind} is not a shape that is drawn here.",
                    kind=str(part.get("type")),
                ),
            )
            continue
        own_id = feature.get("id") if part is geometry else None
        note = _storable(properties.get("name") or "")[:10_000]
        yield ForeignShape(
            row,
            own_id if isinstance(own_id, str) else None,
            shape,
            dict(part),
            label,
            colour,
            note,
            _is_reviewed(properties),
        )


def _is_reviewed(properties: Mapping[str, Any]) -> bool:
    """Say whether a shape is more than a proposal, such as those that the gaze tool writes."""
    told = properties.get("metadata")
    return not isinstance(told, Mapping) or told.get("reviewed") is not False


def _parts(geometry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if geometry.get("type") == "GeometryCollection":
        members = geometry.get("geometries")
        return [part for part in members if isinstance(part, Mapping)] if isinstance(members, list) else []
    if geometry.get("type") == "MultiPoint":
        points = geometry.get("coordinates")
        found = points if isinstance(points, list) else []
        return [{"type": "Point", "coordinates": point} for point in found]
    return [geometry]


def classification(properties: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return name and colour of a feature's class, as any version of QuPath writes them."""
    told = properties.get("classification")
    if isinstance(told, str):
        return _label(told), None
    if not isinstance(told, Mapping):
        return None, None
    names = told.get("names")
    derived = ": ".join(str(part) for part in names) if isinstance(names, list) else ""
    return _label(told.get("name") or derived), _colour(told)


def _label(name: Any) -> str | None:
    return _storable(name).strip()[:100].strip() or None


def _storable(text: Any) -> str:
    """Return text without what no database keeps: null characters and halves of surrogate pairs."""
    return _UNSTORABLE.sub("", str(text))


def _colour(told: Mapping[str, Any]) -> str | None:
    """Return a colour from QuPath's list of three, or from the signed ARGB integer of older versions."""
    rgb = told.get("color")
    if isinstance(rgb, list) and len(rgb) == 3 and all(isinstance(v, int) and 0 <= v < 256 for v in rgb):  # noqa: PLR2004
        return "#{:02x}{:02x}{:02x}".format(*rgb)
    packed = told.get("colorRGB")
    if isinstance(packed, int):
        return f"#{packed & 0xFFFFFF:06x}"
    return None
