"""Sizes of shapes in micrometres, under the names that QuPath gives its shape measurements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import shapely
from shapely.geometry import shape as to_shapely

from ml.slides.resolution import Resolution

AREA, LENGTH = "Area µm^2", "Length µm"
SIZES: Final = frozenset({AREA, LENGTH})
_DIGITS: Final = 4


def measure(geometry: Mapping[str, Any], resolution: Resolution | None) -> dict[str, float]:
    """Return the area of an area or the length of a line in level-0 pixels; nothing without a resolution."""
    if resolution is None:
        return {}
    outline = to_shapely(dict(geometry))
    if outline.area > 0:
        return {AREA: round(outline.area * resolution.x * resolution.y, _DIGITS)}
    if outline.length > 0:
        scaled = shapely.transform(outline, lambda xy: xy * (resolution.x, resolution.y))
        return {LENGTH: round(scaled.length, _DIGITS)}
    return {}
