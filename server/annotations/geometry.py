"""From GeoJSON of strangers to shapes that can be kept: checked, mended, measured.

Coordinates are level-0 pixels. Validity is that of the OGC simple features (ISO 19125-1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import shapely
from shapely.errors import ShapelyError
from shapely.geometry import MultiPolygon, box, mapping, shape
from shapely.geometry.base import BaseGeometry

from ml.contracts import Sentence
from server.annotations.errors import BadGeometryError

MOST_POINTS: Final = 200_000
# Finer than any scanner; keeps the numbers short.
DECIMALS: Final = 2
AREAS: Final = frozenset({"Polygon", "MultiPolygon"})
KINDS: Final = {
    "point": frozenset({"Point"}),
    "line": frozenset({"LineString"}),
    "rectangle": AREAS,
    "ellipse": AREAS,
    "polygon": AREAS,
    "freehand": AREAS,
    "brush": AREAS,
}


@dataclass(frozen=True, slots=True)
class KeptShape:
    """A shape as it will be stored. ``mended`` says that it is not what was sent."""

    geometry: dict[str, Any]
    bounds: tuple[float, float, float, float]
    area: float
    length: float
    mended: bool


def keep_shape(geometry: Any, kind: str, size: tuple[int, int]) -> KeptShape:
    """Check a GeoJSON geometry for a tool's kind on a slide of ``size`` = (width, height).

    A self-intersection is mended (the area that the outline encloses is kept). Raises
    BadGeometryError with a sentence for everything that has no meaning.
    """
    found = _read(geometry, kind)
    mended = False
    if found.geom_type in AREAS:
        found, mended = _mend(found)
    if not found.intersects(box(0, 0, *size)):
        message = Sentence("shape_off_slide", "The shape lies outside the slide.")
        raise BadGeometryError(message)
    rounded = shapely.transform(found, lambda points: points.round(DECIMALS))
    kept = rounded if rounded.is_valid and not rounded.is_empty else found
    length = kept.length if kept.geom_type == "LineString" else 0.0
    return KeptShape(_plain(mapping(kept)), kept.bounds, kept.area, length, mended)


def _read(geometry: Any, kind: str) -> BaseGeometry:
    allowed = KINDS[kind]
    told = geometry.get("type") if isinstance(geometry, Mapping) else None
    if not isinstance(told, str) or told not in allowed:
        message = Sentence(
            "kind_needs",
            "A {kind} needs a {wanted}, not {told}.",
            kind=kind,
            wanted=" or ".join(sorted(allowed)),
            told=told or "this",
        )
        raise BadGeometryError(message)
    for number, value in enumerate(_numbers(geometry.get("coordinates")), start=1):
        if number > 2 * MOST_POINTS:
            message = Sentence(
                "shape_too_fine", "The shape has more than {most:,} points; simplify it.", most=MOST_POINTS
            )
            raise BadGeometryError(message)
        if not abs(value) <= 10**8:  # also what is not a number
            message = Sentence("coordinate_not_number", "A coordinate is not a usable number.")
            raise BadGeometryError(message)
    try:
        found = shapely.force_2d(shape(geometry))
    except (ShapelyError, ValueError, TypeError, KeyError, IndexError) as error:
        message = Sentence("coordinates_no_shape", "The coordinates do not form such a shape.")
        raise BadGeometryError(message) from error
    if found.is_empty:
        message = Sentence("shape_empty", "The shape is empty.")
        raise BadGeometryError(message)
    if found.geom_type == "LineString" and not found.length:
        message = Sentence("line_without_length", "The line has no length.")
        raise BadGeometryError(message)
    return found


def _numbers(coordinates: Any, depth: int = 0) -> Iterator[float]:
    if isinstance(coordinates, int | float) and not isinstance(coordinates, bool):
        yield coordinates
    elif isinstance(coordinates, list | tuple) and depth < 4:  # noqa: PLR2004 - a MultiPolygon's depth
        for item in coordinates:
            yield from _numbers(item, depth + 1)
    else:
        message = Sentence("coordinates_not_lists", "The coordinates are not lists of numbers.")
        raise BadGeometryError(message)


def _mend(found: BaseGeometry) -> tuple[BaseGeometry, bool]:
    if found.is_valid and found.area > 0:
        return found, False
    whole = shapely.make_valid(found, method="structure", keep_collapsed=False)
    areas = [part for part in shapely.get_parts(whole) if part.geom_type in AREAS and part.area > 0]
    polygons = [polygon for part in areas for polygon in shapely.get_parts(part)]
    if not polygons:
        message = Sentence("outline_without_area", "The outline encloses no area; draw it again.")
        raise BadGeometryError(message)
    return (polygons[0] if len(polygons) == 1 else MultiPolygon(polygons)), True


def _plain(value: Any) -> Any:
    """Turn the tuples of a mapping into lists, as JSON will give them back."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def area_of(geometry: Mapping[str, Any]) -> BaseGeometry:
    """Return a valid area from a GeoJSON query parameter; raises BadGeometryError."""
    found, _ = _mend(_read(geometry, "polygon"))
    return found
