"""Outlines of rectangles and ellipses, as files give them by centre and size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

ELLIPSE_POINTS: Final = 64


def rectangle_ring(
    centre: tuple[float, float], size: tuple[float, float], rotation: float = 0.0
) -> list[list[float]]:
    """Return the closed ring of a rectangle: centre and (width, height) in pixels, rotation in radians."""
    wide, tall = size[0] / 2, size[1] / 2
    corners = [(-wide, -tall), (wide, -tall), (wide, tall), (-wide, tall), (-wide, -tall)]
    return _placed(corners, centre, rotation)


def ellipse_ring(
    centre: tuple[float, float], size: tuple[float, float], rotation: float = 0.0
) -> list[list[float]]:
    """Return the closed ring of an ellipse as a polygon: centre, (width, height), rotation in radians."""
    turns = [2 * math.pi * step / ELLIPSE_POINTS for step in range(ELLIPSE_POINTS)]
    places = [(size[0] / 2 * math.cos(turn), size[1] / 2 * math.sin(turn)) for turn in turns]
    return _placed([*places, places[0]], centre, rotation)


def _placed(
    points: Sequence[tuple[float, float]], centre: tuple[float, float], rotation: float
) -> list[list[float]]:
    cos, sin = math.cos(rotation), math.sin(rotation)
    return [[centre[0] + x * cos - y * sin, centre[1] + x * sin + y * cos] for x, y in points]
