"""Outlines in the XML of ASAP and Aperio ImageScope as GeoJSON features in level-0 pixels."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any, Final
from xml.etree.ElementTree import Element

import shapely
from shapely.geometry import LineString, MultiPoint, Point, Polygon, mapping
from shapely.geometry.base import BaseGeometry

from ml.contracts import DataError, Sentence
from ml.formats.markup import parse_xml

ASAP, APERIO = "ASAP_Annotations", "Annotations"
# CAMELYON16: groups _0 and _1 are tumour, _2 is what is cut out of it.
TUMOUR: Final = "Tumor"
GROUPS: Final = {"_0": TUMOUR, "_1": TUMOUR, "tumor": TUMOUR, "tumour": TUMOUR}
HOLES: Final = {"_2", "exclusion"}
CORNERS, LEAST = 2, 3
ELLIPSE_POINTS: Final = 64


def read_outlines(content: bytes) -> list[dict[str, Any]]:
    """Return the features of an ASAP or Aperio file; raises DataError(``bad_xml``).

    A shape whose coordinates are none has ``geometry`` None, so that its row can be named. ASAP's groups and
    Aperio's layers are the labels. Regions to leave out (ASAP ``_2`` and ``Exclusion``, Aperio NegativeROA)
    become holes of the outlines around them.
    """
    root = parse_xml(content)
    if root.tag == ASAP:
        return list(_asap(root))
    if root.tag == APERIO:
        return list(_aperio(root))
    message = Sentence(
        "xml_of_others",
        "The file is XML, but neither of ASAP nor of Aperio ImageScope: it begins with {root}.",
        root=root.tag,
    )
    raise DataError("bad_xml", message)


def _asap(root: Element) -> Iterator[dict[str, Any]]:
    colours = {group.get("Name", ""): group.get("Color") for group in root.iter("Group")}
    found, holes = [], []
    for item in root.iter("Annotation"):
        geometry = _asap_shape(item)
        group = item.get("PartOfGroup", "None")
        if group.lower() in HOLES:
            holes += [geometry] if isinstance(geometry, Polygon) else []
            continue
        label = None if group in {"None", ""} else GROUPS.get(group.lower(), group)
        found.append((geometry, label, colours.get(group) or item.get("Color"), ""))
    yield from _features(found, holes)


def _asap_shape(item: Element) -> BaseGeometry | None:
    places = sorted(item.iter("Coordinate"), key=lambda place: _number(place.get("Order")) or 0.0)
    points = _points(places)
    kind = item.get("Type", "")
    if points is None:
        return None
    if kind == "Dot":
        return Point(points[0])
    if kind == "PointSet":
        return MultiPoint(points)
    if kind in {"Measurement", "Line"}:
        return LineString(points) if len(points) >= CORNERS else None
    return Polygon(points) if len(points) >= LEAST else None


def _aperio(root: Element) -> Iterator[dict[str, Any]]:
    for layer in root.iter("Annotation"):
        named = [attribute.get("Value") or attribute.get("Name") for attribute in layer.iter("Attribute")]
        label = layer.get("Name") or next((text for text in named if text), None)
        colour = _aperio_colour(layer.get("LineColor"))
        found, holes = [], []
        for region in layer.iter("Region"):
            geometry = _aperio_shape(region)
            if region.get("NegativeROA") == "1" and isinstance(geometry, Polygon):
                holes.append(geometry)
            else:
                found.append((geometry, label, colour, region.get("Text") or ""))
        yield from _features(found, holes)


def _aperio_shape(region: Element) -> BaseGeometry | None:
    points = _points(list(region.iter("Vertex")))
    kind = region.get("Type", "0")
    if points is None:
        return None
    if kind in {"1", "2"} and len(points) == CORNERS:
        return _between(points[0], points[1], round_one=kind == "2")
    if kind == "2":
        box = MultiPoint(points).bounds
        return _between(box[:2], box[2:], round_one=True)
    if kind in {"3", "4"}:
        return LineString(points) if len(points) >= CORNERS else None
    if len(points) == 1:
        return Point(points[0])
    return Polygon(points) if len(points) >= LEAST else LineString(points)


def _between(one: Sequence[float], other: Sequence[float], *, round_one: bool) -> BaseGeometry:
    left, right = sorted((one[0], other[0]))
    top, bottom = sorted((one[1], other[1]))
    if not round_one:
        return shapely.box(left, top, right, bottom)
    turns = [2 * math.pi * step / ELLIPSE_POINTS for step in range(ELLIPSE_POINTS)]
    middle_x, middle_y = (left + right) / 2, (top + bottom) / 2
    wide, tall = (right - left) / 2, (bottom - top) / 2
    return Polygon([(middle_x + wide * math.cos(turn), middle_y + tall * math.sin(turn)) for turn in turns])


def _features(
    found: Sequence[tuple[BaseGeometry | None, str | None, str | None, str]], holes: Sequence[BaseGeometry]
) -> Iterator[dict[str, Any]]:
    for geometry, label, colour, note in found:
        kept = geometry if geometry is None else _without(geometry, holes)
        properties: dict[str, Any] = {"objectType": "annotation"}
        if label:
            properties["classification"] = {"name": label, **_rgb(colour)}
        if note:
            properties["name"] = note
        # Through JSON, so that tuples become lists, as in a file.
        outline = None if kept is None or kept.is_empty else json.loads(json.dumps(mapping(kept)))
        yield {"type": "Feature", "geometry": outline, "properties": properties}


def _without(geometry: BaseGeometry, holes: Sequence[BaseGeometry]) -> BaseGeometry:
    """Return the outline less the holes that begin inside it; what is no polygon stays as it is."""
    if not isinstance(geometry, Polygon) or not holes:
        return geometry
    whole = shapely.make_valid(geometry)
    mine = [shapely.make_valid(hole) for hole in holes]
    mine = [hole for hole in mine if whole.contains(hole.representative_point())]
    cut = whole.difference(shapely.union_all(mine)) if mine else geometry
    areas = [part for part in shapely.get_parts(cut) if isinstance(part, Polygon)]
    return areas[0] if len(areas) == 1 else shapely.MultiPolygon(areas)


def _points(places: Sequence[Element]) -> list[tuple[float, float]] | None:
    found = []
    for place in places:
        x, y = _number(place.get("X")), _number(place.get("Y"))
        if x is None or y is None:
            return None
        found.append((x, y))
    return found or None


def _number(text: str | None) -> float | None:
    try:
        # Some regional settings write a decimal comma.
        found = float((text or "").replace(",", "."))
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _rgb(colour: str | None) -> dict[str, list[int]]:
    text = (colour or "").lstrip("#")
    try:
        return {"color": [int(text[place : place + 2], 16) for place in (0, 2, 4)]}
    except ValueError:
        return {}


def _aperio_colour(text: str | None) -> str | None:
    """Return #rrggbb of a Windows colour, whose lowest byte is red."""
    number = _number(text)
    if number is None or not 0 <= number <= 0xFFFFFF:  # noqa: PLR2004 - three bytes
        return None
    packed = int(number)
    return f"#{packed & 255:02x}{packed >> 8 & 255:02x}{packed >> 16:02x}"
