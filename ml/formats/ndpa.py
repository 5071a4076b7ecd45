"""Annotations of Hamamatsu NDP.view (``.ndpa``) as GeoJSON features in level-0 pixels.

The file gives nanometres from the centre of the glass slide, x to the right and y down.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from xml.etree.ElementTree import Element

from ml.formats.figures import ellipse_ring
from ml.formats.outlines import REASON, ROW
from ml.messages import Message

ROOT: Final = "annotations"
STATE: Final = "ndpviewstate"
_LEAST_CORNERS: Final = 3
_LEAST_ENDS: Final = 2
_NM_PER_UM: Final = 1000.0

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class GlassPlace:
    """The place of a scan on its glass slide.

    ``offset`` is the centre of the scan from the centre of the glass in nm (x, y), ``mpp`` µm per level-0
    pixel (x, y), ``size`` the width and height in level-0 pixels.
    """

    offset: Point
    mpp: Point
    size: tuple[int, int]

    def pixel_of(self, place: Point) -> Point:
        """Return the level-0 pixel of a place on the glass in nm."""
        x, y = (
            (value - offset) / (mpp * _NM_PER_UM) + length / 2
            for value, offset, mpp, length in zip(place, self.offset, self.mpp, self.size, strict=True)
        )
        return x, y


def is_ndpa(root: Element) -> bool:
    """Return whether an XML document is a file of NDP.view."""
    return root.tag == ROOT and (root.find(STATE) is not None or len(root) == 0)


def read_ndpa(root: Element, place: GlassPlace) -> Iterator[dict[str, Any]]:
    """Yield the features of a file; the title is the class and the details are the note.

    A shape that cannot be read has ``geometry`` None, and under ``REASON`` a Message where its kind is not
    drawn here.
    """
    for row, state in enumerate(root.iter(STATE)):
        annotation = state.find("annotation")
        properties: dict[str, Any] = {"objectType": "annotation"}
        title, details = ((state.findtext(name) or "").strip() for name in ("title", "details"))
        if title:
            properties["classification"] = {"name": title}
        if details:
            properties["name"] = details
        feature = {"type": "Feature", "geometry": None, "properties": properties, ROW: row}
        if annotation is None:
            yield feature
            continue
        properties["lineColor"] = annotation.get("color")
        kind = annotation.get("type", "")
        if kind not in _SHAPES:
            reason = Message("row_shape_not_drawn", kind=kind[:100])
            yield {**feature, REASON: reason}
            continue
        if kind == "circle":
            properties["metadata"] = {"shape": "ellipse"}
        yield {**feature, "geometry": _SHAPES[kind](annotation, place)}


def _freehand(annotation: Element, place: GlassPlace) -> dict[str, Any] | None:
    points = [_point(one, "x", "y") for one in annotation.iterfind("pointlist/point")]
    if None in points:
        return None
    pixels = [list(place.pixel_of(point)) for point in points if point is not None]
    # Files of old versions state nothing and close their outlines.
    if (annotation.findtext("closed") or "1").strip() == "0":
        is_line = len(pixels) >= _LEAST_ENDS
        return {"type": "LineString", "coordinates": pixels} if is_line else None
    if len(pixels) < _LEAST_CORNERS:
        return None
    return {"type": "Polygon", "coordinates": [[*pixels, pixels[0]]]}


def _circle(annotation: Element, place: GlassPlace) -> dict[str, Any] | None:
    centre, radius = _point(annotation, "x", "y"), _number(annotation.findtext("radius"))
    if centre is None or radius is None or radius <= 0:
        return None
    width, height = (2 * radius / (mpp * _NM_PER_UM) for mpp in place.mpp)
    return {"type": "Polygon", "coordinates": [ellipse_ring(place.pixel_of(centre), (width, height))]}


def _pin(annotation: Element, place: GlassPlace) -> dict[str, Any] | None:
    point = _point(annotation, "x", "y")
    return None if point is None else {"type": "Point", "coordinates": list(place.pixel_of(point))}


def _line(annotation: Element, place: GlassPlace) -> dict[str, Any] | None:
    ends = [_point(annotation, f"x{number}", f"y{number}") for number in (1, 2)]
    pixels = [list(place.pixel_of(point)) for point in ends if point is not None]
    return {"type": "LineString", "coordinates": pixels} if len(pixels) == len(ends) else None


_SHAPES: Final = {
    "freehand": _freehand,
    "circle": _circle,
    "pin": _pin,
    "linearmeasure": _line,
    "pointer": _line,
}


def _point(element: Element, x: str, y: str) -> Point | None:
    across, down = _number(element.findtext(x)), _number(element.findtext(y))
    return None if across is None or down is None else (across, down)


def _number(text: str | None) -> float | None:
    try:
        number = float((text or "").strip())
    except ValueError:
        return None
    return number if math.isfinite(number) else None
