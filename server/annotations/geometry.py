"""Check, repair and measure untrusted GeoJSON geometries.

Coordinates are level-0 pixels. Validity is that of the OGC simple features (ISO 19125-1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.errors import ShapelyError
from shapely.geometry import Point, box, mapping, shape
from shapely.geometry.base import BaseGeometry

from ml.formats.geometry_budget import GeometryBudget
from ml.formats.valid_areas import TangledError, intersect_areas, is_valid_area, mend_area
from ml.messages import Message
from server.annotations.errors import BadGeometryError
from server.core.services import before_services

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
    """A shape to store. ``mended`` says that it differs from the one sent."""

    geometry: dict[str, Any]
    bounds: tuple[float, float, float, float]
    area: float
    length: float
    mended: bool


@before_services
def keep_shape(
    geometry: Any, kind: str, size: tuple[int, int], budget: GeometryBudget | None = None
) -> KeptShape:
    """Return the stored form of a GeoJSON geometry for a tool on a slide of ``size`` = (width, height).

    A self-intersection is mended (the area that the outline encloses is kept). Shapes of one request share a
    budget. Raises BadGeometryError with a sentence for everything that has no meaning, BudgetSpentError, and
    LockedWorkError inside a service.
    """
    budget = budget or GeometryBudget()
    parsed = _read(geometry, kind, budget)
    mended = False
    if parsed.geom_type in AREAS:
        parsed, mended = _mend(parsed, budget)
    if not _has_part_inside(parsed, size):
        message = Message("shape_off_slide")
        raise BadGeometryError(message)
    rounded = shapely.transform(parsed, lambda points: points.round(DECIMALS))
    kept = rounded if rounded.is_valid and not rounded.is_empty else parsed
    length = kept.length if kept.geom_type == "LineString" else 0.0
    return KeptShape(_plain(mapping(kept)), kept.bounds, kept.area, length, mended)


def _read(geometry: Any, kind: str, budget: GeometryBudget) -> BaseGeometry:
    allowed = KINDS[kind]
    kind_of_geometry = geometry.get("type") if isinstance(geometry, Mapping) else None
    if not isinstance(kind_of_geometry, str) or kind_of_geometry not in allowed:
        message = Message(
            "kind_needs",
            kind=kind,
            wanted=" or ".join(sorted(allowed)),
            told=kind_of_geometry or "this",
        )
        raise BadGeometryError(message)
    number = 0
    for number, value in enumerate(_numbers(geometry.get("coordinates")), start=1):
        if number > 2 * MOST_POINTS:
            message = Message("shape_too_fine", most=MOST_POINTS)
            raise BadGeometryError(message)
        if not abs(value) <= 10**8:  # also what is not a number
            message = Message("coordinate_not_number")
            raise BadGeometryError(message)
    budget.read(number // 2)
    try:
        parsed = shapely.force_2d(shape(geometry))
    except (ShapelyError, ValueError, TypeError, KeyError, IndexError) as error:
        message = Message("coordinates_no_shape")
        raise BadGeometryError(message) from error
    if parsed.is_empty:
        message = Message("shape_empty")
        raise BadGeometryError(message)
    if parsed.geom_type == "LineString" and not parsed.length:
        message = Message("line_without_length")
        raise BadGeometryError(message)
    return parsed


def _numbers(coordinates: Any, depth: int = 0) -> Iterator[float]:
    if isinstance(coordinates, int | float) and not isinstance(coordinates, bool):
        yield coordinates
    elif isinstance(coordinates, list | tuple) and depth < 4:  # noqa: PLR2004 - a MultiPolygon's depth
        for item in coordinates:
            yield from _numbers(item, depth + 1)
    else:
        message = Message("coordinates_not_lists")
        raise BadGeometryError(message)


def _has_part_inside(geometry: BaseGeometry, size: tuple[int, int]) -> bool:
    """Return whether more than a corner or an edge of a valid geometry is on the slide."""
    left, top, right, bottom = geometry.bounds
    if left >= 0 and top >= 0 and right <= size[0] and bottom <= size[1]:
        return True
    inside = shapely.intersection(geometry, box(0, 0, *size))
    if geometry.geom_type in AREAS:
        return bool(inside.area > 0)
    return bool(inside.length > 0) if geometry.geom_type == "LineString" else not inside.is_empty


def _mend(area: BaseGeometry, budget: GeometryBudget) -> tuple[BaseGeometry, bool]:
    """Return a valid area, and whether it was repaired; raises BadGeometryError or BudgetSpentError."""
    try:
        if is_valid_area(area) and area.area > 0:
            return area, False
        whole = mend_area(area, budget)
    except TangledError as error:
        raise _tangled() from error
    if whole.is_empty:
        message = Message("outline_without_area")
        raise BadGeometryError(message)
    return whole, True


def _tangled() -> BadGeometryError:
    message = Message("outline_tangled")
    return BadGeometryError(message)


def _plain(value: Any) -> Any:
    """Return a mapping with its tuples as lists, as JSON returns them."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


@before_services
def area_of(geometry: Mapping[str, Any], budget: GeometryBudget | None = None) -> BaseGeometry:
    """Return a valid area of a GeoJSON geometry; raises BadGeometryError or BudgetSpentError."""
    budget = budget or GeometryBudget()
    return _mend(_read(geometry, "polygon", budget), budget)[0]


def valid_shape(geometry: BaseGeometry) -> BaseGeometry:
    """Return a valid geometry (OGC simple features): the area that an outline encloses.

    An outline without area becomes its middle, so that the object is not lost.
    """
    if geometry.is_valid and not geometry.is_empty:
        return geometry
    try:
        return _mend(geometry, GeometryBudget())[0]
    except BadGeometryError:
        left, top, right, bottom = geometry.bounds
        return Point((left + right) / 2, (top + bottom) / 2)


@before_services
def moved_geometry(
    geometry: Mapping[str, Any],
    move: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    budget: GeometryBudget,
) -> dict[str, Any]:
    """Return a stored GeoJSON geometry with its points (n, 2) moved, repaired where they cross then.

    The shapes of one request share a budget. Raises BadGeometryError or BudgetSpentError.
    """
    stored = shape(dict(geometry))
    budget.read(int(shapely.get_num_coordinates(stored)))
    moved = shapely.transform(stored, move)
    whole = _mend(moved, budget)[0] if moved.geom_type in AREAS else moved
    plain: dict[str, Any] = _plain(mapping(whole))
    return plain


def valid_geometry(geometry: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored GeoJSON geometry, repaired where it is not valid."""
    stored = shape(dict(geometry))
    if stored.is_valid:
        return dict(geometry)
    mended: dict[str, Any] = _plain(mapping(valid_shape(stored)))
    return mended


def keep_nucleus(
    nucleus: Any, cell: Mapping[str, Any], budget: GeometryBudget | None = None
) -> dict[str, Any] | None:
    """Return the part of a nucleus inside its cell as GeoJSON; None where no area of it is inside.

    Raises BadGeometryError for coordinates that form no area.
    """
    budget = budget or GeometryBudget()
    area = area_of(nucleus, budget)
    try:
        whole = intersect_areas(area, shape(dict(cell)), budget)
    except TangledError as error:
        raise _tangled() from error
    if whole.is_empty:
        return None
    rounded = shapely.transform(whole, lambda points: points.round(DECIMALS))
    kept: dict[str, Any] = _plain(mapping(rounded if rounded.is_valid and not rounded.is_empty else whole))
    return kept


def move_nucleus(
    nucleus: Mapping[str, Any],
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
    budget: GeometryBudget | None = None,
) -> dict[str, Any] | None:
    """Return the nucleus of a cell with a changed outline: moved with it, or clipped to the new outline."""
    moved = shape(dict(nucleus))
    shift = _translation(before, after)
    if shift is not None:
        moved = shapely.transform(moved, lambda points: points + shift)
    if shape(dict(after)).geom_type not in AREAS:
        return None
    return keep_nucleus(mapping(moved), after, budget)


def _translation(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> NDArray[np.float64] | None:
    """Return the common translation (x, y) of all vertices; None when the outline changed in another way."""
    if before is None:
        return None
    old, new = (shapely.get_coordinates(shape(dict(each))) for each in (before, after))
    if old.shape != new.shape:
        return None
    shifts: NDArray[np.float64] = new - old
    # Stored coordinates are rounded, so that two vertices may differ by twice the rounding.
    is_same = bool((np.ptp(shifts, axis=0) <= 2 * 10**-DECIMALS).all())
    return np.median(shifts, axis=0) if is_same else None
