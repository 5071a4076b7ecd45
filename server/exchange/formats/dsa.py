"""Annotations of the Digital Slide Archive and HistomicsUI: their elements as GeoJSON features.

Each element gives a type with a centre or points, in level-0 pixels (large_image's annotation schema).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ml.formats.figures import ellipse_ring, rectangle_ring
from ml.formats.outlines import REASON
from ml.messages import Message
from server.exchange.formats.geojson import METADATA_SHAPE

_LEAST_CORNERS: Final = 3


def is_annotation(item: Mapping[str, Any]) -> bool:
    """Return whether an object is an annotation: elements, or the answer of the API around them."""
    inner = item.get("annotation")
    return isinstance(item.get("elements"), list) or (
        isinstance(inner, Mapping) and isinstance(inner.get("elements"), list)
    )


def read_elements(item: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the features of an annotation."""
    inner = item.get("annotation")
    annotation = inner if isinstance(inner, Mapping) else item
    for element in annotation["elements"]:
        yield read_element(element, annotation.get("name"))


def read_element(element: Any, layer: Any) -> dict[str, Any]:
    """Return an element as a feature.

    Its group is the class, else its label, else the name of the annotation, which is a layer of the slide.
    """
    if not isinstance(element, Mapping):
        return {"type": "Feature", "geometry": None}
    kind = str(element.get("type"))
    properties = {
        **{key: element[key] for key in ("group", "label", "lineColor") if key in element},
        "layer": layer,
    }
    feature: dict[str, Any] = {"type": "Feature", "id": element.get("id"), "properties": properties}
    if kind not in _GEOMETRIES:
        reason = Message("row_shape_not_drawn", kind=kind[:100])
        return {**feature, "geometry": None, REASON: reason}
    try:
        geometry, shape = _GEOMETRIES[kind](element)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        return {**feature, "geometry": {}}
    if shape:
        properties["metadata"] = {METADATA_SHAPE: shape}
    return {**feature, "geometry": geometry}


def _point(element: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    return {"type": "Point", "coordinates": list(element["center"][:2])}, ""


def _polyline(element: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    points = [list(point[:2]) for point in element["points"]]
    if not element.get("closed") or len(points) < _LEAST_CORNERS:
        return {"type": "LineString", "coordinates": points}, ""
    holes = [[list(point[:2]) for point in hole] for hole in element.get("holes") or ()]
    rings = [[*ring, ring[0]] for ring in (points, *holes) if ring]
    return {"type": "Polygon", "coordinates": rings}, ""


def _rectangle(element: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    ring = rectangle_ring(*_placed(element))
    return {"type": "Polygon", "coordinates": [ring]}, ""


def _ellipse(element: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    centre, size, rotation = _placed(element)
    ring = ellipse_ring(centre, size, rotation)
    # The ellipse of a tool lies along the axes.
    return {"type": "Polygon", "coordinates": [ring]}, "polygon" if rotation else "ellipse"


def _circle(element: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    x, y = element["center"][:2]
    side = 2 * float(element["radius"])
    return {"type": "Polygon", "coordinates": [ellipse_ring((float(x), float(y)), (side, side))]}, "ellipse"


def _arrow(element: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    return {"type": "LineString", "coordinates": [list(point[:2]) for point in element["points"]]}, ""


def _placed(element: Mapping[str, Any]) -> tuple[tuple[float, float], tuple[float, float], float]:
    x, y = element["center"][:2]
    size = float(element["width"]), float(element["height"])
    return (float(x), float(y)), size, float(element.get("rotation") or 0.0)


_GEOMETRIES: Final = {
    "point": _point,
    "polyline": _polyline,
    "rectangle": _rectangle,
    "ellipse": _ellipse,
    "circle": _circle,
    "arrow": _arrow,
}
