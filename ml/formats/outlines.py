"""Outlines in the XML of ASAP and Aperio ImageScope as GeoJSON features in level-0 pixels."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from xml.etree.ElementTree import Element

import shapely
from shapely.geometry import LineString, MultiPoint, Point, Polygon, mapping
from shapely.geometry.base import BaseGeometry

from ml.contracts import DataError
from ml.formats.figures import ellipse_ring
from ml.formats.geometry_budget import GeometryBudget
from ml.formats.markup import parse_xml
from ml.formats.valid_areas import (
    TangledError,
    find_overlapping,
    is_valid_area,
    mend_area,
    subtract_areas,
)
from ml.messages import Message

ASAP, APERIO = "ASAP_Annotations", "Annotations"
# CAMELYON16: groups _0 and _1 are tumour, _2 is what is cut out of it.
TUMOUR: Final = "Tumor"
EXCLUSION: Final = "Exclusion"
GROUPS: Final = {"_0": TUMOUR, "_1": TUMOUR, "tumor": TUMOUR, "tumour": TUMOUR}
HOLES: Final = {"_2": EXCLUSION, "exclusion": EXCLUSION}
# The key of the reason of a feature without geometry, a Message.
REASON: Final = "unread reason"
# The key of the number of a feature in its file, where features are left out of the list.
ROW: Final = "row"
CORNERS, LEAST = 2, 3
_COVERED: Final = Message("row_all_excluded")
_ALONE: Final = Message("row_exclusion_alone")
_TANGLED: Final = Message("row_tangled")


@dataclass(frozen=True, slots=True)
class _Outline:
    """One annotation of a file. ``shape`` is ellipse or empty; a hole is cut out of outlines it overlaps."""

    geometry: BaseGeometry | None
    label: str | None
    colour: str | None
    note: str
    shape: str = ""
    is_hole: bool = False
    row: int = 0


def read_outlines(content: bytes) -> list[dict[str, Any]]:
    """Return the features of an ASAP or Aperio file; raises DataError(``bad_xml``).

    A shape that cannot be read has ``geometry`` None, and under ``REASON`` a Message where the reason is not
    its coordinates. ASAP's groups and Aperio's layers are the labels. Regions to leave out (ASAP ``_2`` and
    ``Exclusion``, Aperio NegativeROA) are cut out of every area that they overlap, whatever its group or
    layer. One that overlaps nothing keeps its own label (ASAP) or is a feature without geometry (Aperio).
    """
    return features_of(parse_xml(content))


def features_of(root: Element) -> list[dict[str, Any]]:
    """Return the features of a parsed ASAP or Aperio file; see ``read_outlines``."""
    if root.tag == ASAP:
        return list(_features(list(_asap(root))))
    if root.tag == APERIO:
        return list(_features(list(_aperio(root))))
    message = Message(
        "xml_of_others",
        root=root.tag,
    )
    raise DataError(message, code="bad_xml")


def _asap(root: Element) -> Iterator[_Outline]:
    colours = {group.get("Name", ""): group.get("Color") for group in root.iter("Group")}
    for row, item in enumerate(root.iter("Annotation")):
        geometry = _asap_shape(item)
        group = item.get("PartOfGroup", "None").strip()
        colour = colours.get(group) or item.get("Color")
        is_hole = group.lower() in HOLES and isinstance(geometry, Polygon)
        label = None if group in {"None", ""} else group
        label = {**GROUPS, **HOLES}.get(group.lower(), label)
        yield _Outline(geometry, label, colour, "", is_hole=is_hole, row=row)


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


def _aperio(root: Element) -> Iterator[_Outline]:
    row = 0
    for layer in root.iter("Annotation"):
        label = (layer.get("Name") or "").strip() or _value_of(layer) or None
        for region in layer.iter("Region"):
            geometry, shape = _aperio_shape(region)
            is_hole = region.get("NegativeROA") == "1" and isinstance(geometry, Polygon)
            note = (region.get("Text") or "").strip() or _value_of(region)
            # An exclusion has no label of its own.
            own = None if is_hole else label
            yield _Outline(geometry, own, _windows_colour(layer.get("LineColor")), note, shape, is_hole, row)
            row += 1


def _value_of(element: Element) -> str:
    """Return the first attribute with a value of the user's; the name of an empty field is none."""
    values = ((attribute.get("Value") or "").strip() for attribute in element.findall("Attributes/Attribute"))
    return next((value for value in values if value), "")


def _aperio_shape(region: Element) -> tuple[BaseGeometry | None, str]:
    points = _points(list(region.iter("Vertex")))
    kind = region.get("Type", "0")
    if points is None:
        return None, ""
    if kind == "1" and len(points) == CORNERS:
        return shapely.box(*MultiPoint(points).bounds), ""
    if kind == "2":
        left, top, right, bottom = MultiPoint(points).bounds
        centre, size = ((left + right) / 2, (top + bottom) / 2), (right - left, bottom - top)
        return (Polygon(ellipse_ring(centre, size)), "ellipse") if len(points) >= CORNERS else (None, "")
    if kind in {"3", "4"}:
        return (LineString(points) if len(points) >= CORNERS else None), ""
    if len(points) == 1:
        return Point(points[0]), ""
    return (Polygon(points) if len(points) >= LEAST else LineString(points)), ""


def _features(outlines: Sequence[_Outline]) -> Iterator[dict[str, Any]]:
    budget = GeometryBudget()
    holes = [outline for outline in outlines if outline.is_hole]
    areas = [_mended(hole.geometry, budget) for hole in holes]
    tree = shapely.STRtree([area for area in areas if area is not None])
    numbers = [number for number, area in enumerate(areas) if area is not None]
    used: set[int] = set()
    for outline in outlines:
        if outline.is_hole:
            continue
        if not isinstance(outline.geometry, Polygon) or not holes:
            yield _feature(outline, outline.geometry)
            continue
        whole = _mended(outline.geometry, budget)
        if whole is None:
            yield _unread(outline, _TANGLED)
            continue
        met = find_overlapping(whole, tree)
        used |= {numbers[index] for index in met}
        yield _cut(outline, whole, [tree.geometries[index] for index in met], budget)
    for number, hole in enumerate(holes):
        if areas[number] is None:
            yield _unread(hole, _TANGLED)
        elif number not in used:
            yield _feature(hole, hole.geometry) if hole.label else _unread(hole, _ALONE)


def _mended(area: BaseGeometry | None, budget: GeometryBudget) -> BaseGeometry | None:
    """Return a valid area; None where its outline has too many self-intersections."""
    try:
        return area if area is None or is_valid_area(area) else mend_area(area, budget)
    except TangledError:
        return None


def _cut(
    outline: _Outline, whole: BaseGeometry, holes: Sequence[Any], budget: GeometryBudget
) -> dict[str, Any]:
    """Return the feature of an outline less the holes that overlap it."""
    if not holes:
        return _feature(outline, outline.geometry)
    try:
        rest = subtract_areas(whole, holes, budget)
    except TangledError:
        return _unread(outline, _TANGLED)
    return _unread(outline, _COVERED) if rest.is_empty else _feature(outline, rest)


def _unread(outline: _Outline, reason: Message) -> dict[str, Any]:
    return {"type": "Feature", "geometry": None, "properties": {}, REASON: reason, ROW: outline.row}


def _feature(outline: _Outline, geometry: BaseGeometry | None) -> dict[str, Any]:
    properties: dict[str, Any] = {"objectType": "annotation"}
    if outline.label:
        properties["classification"] = {"name": outline.label}
    if outline.colour:
        properties["lineColor"] = outline.colour
    if outline.note:
        properties["name"] = outline.note
    if outline.shape and geometry is outline.geometry:
        properties["metadata"] = {"shape": outline.shape}
    # Through JSON, so that tuples become lists, as in a file.
    plain = None if geometry is None or geometry.is_empty else json.loads(json.dumps(mapping(geometry)))
    return {"type": "Feature", "geometry": plain, "properties": properties, ROW: outline.row}


def _points(places: Sequence[Element]) -> list[tuple[float, float]] | None:
    points = []
    for place in places:
        x, y = _number(place.get("X")), _number(place.get("Y"))
        if x is None or y is None:
            return None
        points.append((x, y))
    return points or None


def _number(text: str | None) -> float | None:
    try:
        # Some regional settings write a decimal comma.
        value = float((text or "").replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _windows_colour(text: str | None) -> str | None:
    """Return #rrggbb of a Windows colour in decimal, whose lowest byte is red; it may be negative."""
    number = _number(text)
    if number is None or not -(2**31) <= number < 2**32:
        return None
    packed = int(number)
    return f"#{packed & 255:02x}{packed >> 8 & 255:02x}{packed >> 16 & 255:02x}"
