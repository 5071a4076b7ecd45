"""GeoJSON as QuPath writes and reads it: features with classification and object type.

Geometry follows RFC 7946 but in level-0 pixels, as QuPath has it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ml.formats.figures import ellipse_ring
from ml.formats.geometry_budget import GeometryBudget
from ml.formats.outlines import REASON
from ml.messages import Message
from server.exchange.formats.classes import read_class, storable
from server.exchange.formats.holes import count_holes_outside, has_holes, holes_outside
from server.exchange.formats.scores import NumberNames, numbers_of, read_measurements, read_scores
from server.exchange.formats.shapes import ForeignShape, UnreadRow
from server.exchange.formats.sizes import SIZES

# QuPath keeps ``metadata`` (text by name) when it opens and saves an object; ours carries these.
METADATA_SHAPE: Final = "shape"
METADATA_AUTHOR: Final = "author"
METADATA_REGION: Final = "region"
METADATA_REVISION: Final = "revision"
METADATA_LABEL: Final = "label"
METADATA_LABEL_NAME: Final = "label name"
FINISHED: Final = "finished"
_REVISION: Final = re.compile("[1-9][0-9]{0,8}")
LONGEST_NOTE: Final = 10_000
NO_GEOMETRY: Final = Message("row_no_geometry")
NO_SHAPE: Final = Message("row_no_shape")
_SHAPES: Final = {"Point": "point", "LineString": "line", "Polygon": "polygon", "MultiPolygon": "polygon"}
_MANY: Final = {"MultiPoint": "Point", "MultiLineString": "LineString"}
_AREAS: Final = frozenset({"Polygon", "MultiPolygon"})
# Shapes of one ring; the others of an area may have parts and holes.
_ONE_RING: Final = frozenset({"rectangle", "ellipse"})
_DRAWN: Final = frozenset({"polygon", "freehand", "brush", *_ONE_RING})
_ROUND: Final = frozenset({"ellipse", "circle"})
_CHILDREN: Final = ("childObjects", "children")
_CORNERS: Final = 4
# Collections within collections.
_DEEPEST: Final = 16


def read_feature(
    row: int, feature: Any, names: NumberNames, budget: GeometryBudget | None = None
) -> Iterator[ForeignShape | UnreadRow]:
    """Yield the shapes of a feature and of its child objects, however deep they are nested.

    The features of a file that a person waits for share a budget. Raises BudgetSpentError.
    """
    waiting: list[tuple[Any, str | None]] = [(feature, None)]
    while waiting:
        item, parent_id = waiting.pop()
        own_id = _id_of(item)
        children = _children_of(item)
        if not _is_root(item):
            yield from _read_object(row, item, parent_id, names, budget)
        waiting += [(child, own_id) for child in reversed(children)]


def write_feature(
    *,
    feature_id: str,
    geometry: Mapping[str, Any],
    kind: str,
    label: str | None,
    colour: str | None,
    properties: Mapping[str, Any],
    shape: str | None = None,
    author: str | None = None,
    nucleus: Mapping[str, Any] | None = None,
    is_finished_region: bool = False,
    revision: int | None = None,
    label_id: str | None = None,
) -> dict[str, Any]:
    """Return a GeoJSON feature in the form that QuPath reads.

    The kind is annotation, detection or cell; the shape is a value of ``Annotation.Shape``; the nucleus is
    the area of the nucleus of a cell; revision and label id tell a later import which changes came from
    elsewhere. ``read_feature`` reads all of them back.
    """
    written: dict[str, Any] = {"objectType": kind, **properties}
    own = {
        METADATA_SHAPE: shape,
        METADATA_AUTHOR: author,
        METADATA_REGION: FINISHED if is_finished_region else None,
        METADATA_REVISION: str(revision) if revision else None,
        METADATA_LABEL: label_id,
        METADATA_LABEL_NAME: label if label_id else None,
    }
    metadata = {**properties.get("metadata", {}), **{key: text for key, text in own.items() if text}}
    if metadata:
        written["metadata"] = metadata
    if is_finished_region:
        written |= {"name": FINISHED, "isLocked": True}
    if label:
        written["classification"] = {"name": label}
        if colour:
            written["classification"]["color"] = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    outline = {**geometry, **({"isEllipse": True} if shape == "ellipse" else {})}
    feature = {"type": "Feature", "id": feature_id, "geometry": outline, "properties": written}
    return {**feature, "nucleusGeometry": dict(nucleus)} if nucleus else feature


def _id_of(item: Any) -> str | None:
    own_id = item.get("id") if isinstance(item, Mapping) else None
    return own_id if isinstance(own_id, str) else None


def _is_root(item: Any) -> bool:
    """Return whether an item is the root of QuPath's hierarchy, which only contains objects."""
    if not isinstance(item, Mapping):
        return False
    properties = item.get("properties")
    kind = properties.get("objectType") if isinstance(properties, Mapping) else item.get("objectType")
    return kind == "root" or item.get("id") == "PathRootObject"


def _children_of(item: Any) -> list[Any]:
    """Return the child objects, which QuPath writes among the properties."""
    if not isinstance(item, Mapping):
        return []
    for holder in (item.get("properties"), item):
        if isinstance(holder, Mapping):
            for key in _CHILDREN:
                if isinstance(holder.get(key), list):
                    return list(holder[key])
    return []


def _read_object(
    row: int, feature: Any, parent_id: str | None, names: NumberNames, budget: GeometryBudget | None
) -> Iterator[ForeignShape | UnreadRow]:
    geometry = feature.get("geometry") if isinstance(feature, Mapping) else None
    if not isinstance(geometry, Mapping):
        reason = feature.get(REASON) if isinstance(feature, Mapping) else None
        yield UnreadRow(row, reason if isinstance(reason, Message) else NO_GEOMETRY)
        return
    given = feature.get("properties")
    properties = given if isinstance(given, Mapping) else {}
    measurements = read_measurements(properties)
    label, colour = read_class(properties)
    score, uncertainty = read_scores(properties, measurements, names)
    metadata = properties.get("metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    is_region = _is_finished_region(properties, metadata)
    nucleus, nucleus_reason = _nucleus_of(feature)
    if nucleus_reason is not None:
        yield UnreadRow(row, nucleus_reason)
    for part in _parts(geometry, 0):
        kind = str(part.get("type"))
        if kind not in _SHAPES:
            yield UnreadRow(row, _reason_of(part))
            continue
        outline, shape = _shape_of(part, properties, metadata)
        if kind in _AREAS and has_holes(part) and (outside := count_holes_outside(part, budget)):
            yield UnreadRow(row, holes_outside(outside))
        yield ForeignShape(
            row=row,
            id=_id_of(feature) if part is geometry else None,
            shape=shape,
            geometry=outline,
            label=label,
            colour=colour,
            note="" if is_region else _note_of(properties, label),
            author=_text(metadata.get(METADATA_AUTHOR)),
            score=score,
            uncertainty=uncertainty,
            # QuPath keeps metadata as text.
            reviewed=str(metadata.get("reviewed")).lower() != "false",
            nucleus=nucleus if kind in _AREAS else None,
            parent_id=parent_id,
            is_finished_region=is_region,
            measurements=_own_numbers(measurements, metadata) if measurements else {},
            **_exported_state(metadata, label),
        )


def _own_numbers(measurements: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, float]:
    """Return the measurements, without the sizes that our export adds, as they follow from the outline."""
    is_export = METADATA_REVISION in metadata
    numbers = numbers_of(measurements)
    return {name: value for name, value in numbers.items() if not (is_export and name in SIZES)}


def _exported_state(metadata: Mapping[str, Any], label: str | None) -> dict[str, Any]:
    """Return the fields ``revision`` and ``label_id`` of a feature that ``write_feature`` wrote.

    The id of the label counts only while the class still has the name that was exported with it.
    """
    if not metadata:
        return {}
    number, label_id = str(metadata.get(METADATA_REVISION, "")), metadata.get(METADATA_LABEL)
    is_same = label is not None and metadata.get(METADATA_LABEL_NAME) == label
    return {
        "revision": int(number) if _REVISION.fullmatch(number) else None,
        "label_id": label_id if is_same and isinstance(label_id, str) else None,
    }


def _reason_of(part: Mapping[str, Any]) -> Message:
    kind = part.get("type")
    if kind is None:
        return NO_SHAPE
    return Message("row_shape_not_drawn", kind=str(kind)[:100])


def _is_finished_region(properties: Mapping[str, Any], metadata: Mapping[str, Any]) -> bool:
    """Return whether a feature is a finished region; before ``metadata`` the name and the lock marked it."""
    if metadata.get(METADATA_REGION) == FINISHED:
        return True
    return bool(
        properties.get("isLocked") is True
        and properties.get("name") == FINISHED
        and not properties.get("classification")
    )


def _note_of(properties: Mapping[str, Any], label: str | None) -> str:
    """Return the text of an object: QuPath's name and description, or a label beside a group."""
    beside = properties.get("label")
    text = beside.get("value") if isinstance(beside, Mapping) else None
    candidates = (properties.get("name"), properties.get("description"), text if text != label else None)
    name = next((text for text in candidates if text not in (None, "")), "")
    return storable(name)[:LONGEST_NOTE]


def _text(value: Any) -> str | None:
    return (storable(value).strip() or None) if isinstance(value, str) else None


def _nucleus_of(feature: Mapping[str, Any]) -> tuple[dict[str, Any] | None, Message | None]:
    """Return the area of the nucleus of a cell, or the reason for its omission."""
    nucleus = feature.get("nucleusGeometry")
    if nucleus is None:
        return None, None
    if isinstance(nucleus, Mapping) and str(nucleus.get("type")) in _AREAS and nucleus.get("coordinates"):
        return {"type": nucleus["type"], "coordinates": nucleus["coordinates"]}, None
    return None, Message("row_nucleus_no_area")


def _parts(geometry: Mapping[str, Any], depth: int) -> Iterator[Mapping[str, Any]]:
    """Yield the single geometries of a geometry; an invalid one is yielded as it is, without a type."""
    kind = geometry.get("type")
    key = "geometries" if kind == "GeometryCollection" else "coordinates"
    members = geometry.get(key)
    if kind != "GeometryCollection" and (not isinstance(kind, str) or kind not in _MANY):
        yield geometry
    elif not isinstance(members, list) or not members or depth > _DEEPEST:
        yield {}
    elif isinstance(kind, str) and kind in _MANY:
        yield from ({"type": _MANY[kind], "coordinates": member} for member in members)
    else:
        for member in members:
            yield from _parts(member, depth + 1) if isinstance(member, Mapping) else iter(({},))


def _shape_of(
    part: Mapping[str, Any], properties: Mapping[str, Any], metadata: Mapping[str, Any]
) -> tuple[dict[str, Any], str]:
    """Return a geometry without foreign members, and the tool's shape that it is."""
    kind, places = str(part["type"]), part.get("coordinates")
    outline = {"type": kind, "coordinates": places}
    if kind not in _AREAS:
        return outline, _SHAPES[kind]
    has_one_ring = kind == "Polygon" and isinstance(places, list) and len(places) == 1
    given = str(metadata.get(METADATA_SHAPE) or properties.get("type") or "").lower()
    is_ellipse = part.get("isEllipse") is True or properties.get("isEllipse") is True or given in _ROUND
    box = _corners(places[0]) if isinstance(places, list) and has_one_ring else None
    if has_one_ring and is_ellipse:
        # An export from here has the outline itself, also where it has four corners.
        is_box = box is not None and METADATA_SHAPE not in metadata
        return _inscribed(box, properties) if box and is_box else outline, "ellipse"
    if given in _DRAWN - _ONE_RING:
        return outline, given
    return outline, "rectangle" if box and _is_upright(box) else "polygon"


def _corners(ring: Any) -> list[tuple[float, float]] | None:
    """Return the four corners of a closed ring of four points, None for another ring."""
    if not isinstance(ring, list) or len(ring) not in {_CORNERS, _CORNERS + 1}:
        return None
    try:
        corners = [(float(point[0]), float(point[1])) for point in ring]
    except (TypeError, ValueError, IndexError, KeyError, OverflowError):
        return None
    if len(corners) == _CORNERS + 1 and corners.pop() != corners[0]:
        return None
    return corners if all(math.isfinite(number) for corner in corners for number in corner) else None


def _is_upright(box: list[tuple[float, float]]) -> bool:
    """Return whether four corners are those of a rectangle along the axes."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = box
    one_way = ay == by and bx == cx and cy == dy and dx == ax
    other_way = ax == bx and by == cy and cx == dx and dy == ay
    return (one_way or other_way) and ax != cx and ay != cy


def _inscribed(box: list[tuple[float, float]], properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ellipse within a box: the Digital Slide Archive writes ellipses as their boxes."""
    xs, ys = [x for x, _ in box], [y for _, y in box]
    given = numbers_of({key: properties.get(key) for key in ("width", "height", "rotation")})
    size, rotation = (max(xs) - min(xs), max(ys) - min(ys)), given.get("rotation", 0.0)
    if rotation and "width" in given and "height" in given:
        size = given["width"], given["height"]
    ring = ellipse_ring((sum(xs) / 4, sum(ys) / 4), size, rotation)
    return {"type": "Polygon", "coordinates": [ring]}
