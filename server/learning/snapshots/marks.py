"""The unit of training material: one confirmed shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shapely.geometry.base import BaseGeometry


@dataclass(frozen=True, slots=True)
class Mark:
    """One confirmed shape. ``label_id`` None and ``negative``: background.

    ``source`` tells where it comes from: an annotation at a revision, or an object of a set, which has a
    ``point`` (x, y) in level-0 pixels.
    """

    geometry: BaseGeometry
    label_id: str | None
    negative: bool
    source: dict[str, Any]
    point: tuple[float, float] | None = None
