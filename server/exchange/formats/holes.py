"""Detection of holes of a GeoJSON area outside the ring that they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import shapely
from shapely.errors import ShapelyError
from shapely.geometry import shape

from ml.formats.geometry_budget import BudgetSpentError, GeometryBudget
from ml.formats.valid_areas import count_outer_holes, is_valid_area
from ml.messages import Message


def has_holes(geometry: Mapping[str, Any]) -> bool:
    """Return whether an area has a ring besides the outer ones."""
    places = geometry.get("coordinates")
    if not isinstance(places, list):
        return False
    polygons = places if geometry.get("type") == "MultiPolygon" else [places]
    return any(isinstance(rings, list) and len(rings) > 1 for rings in polygons)


def count_holes_outside(geometry: Mapping[str, Any], budget: GeometryBudget | None = None) -> int:
    """Return the number of holes of an area outside their ring; 0 for coordinates that form no area.

    Raises BudgetSpentError.
    """
    try:
        area = shapely.force_2d(shape(dict(geometry)))
        if not area.is_empty and not is_valid_area(area):
            return count_outer_holes(area, budget)
    except BudgetSpentError:
        raise
    except (ShapelyError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError):
        pass
    return 0


def holes_outside(count: int) -> Message:
    """Return the message about a number of holes that were left out."""
    return Message(
        "row_hole_outside",
        count=count,
    )
