"""The unit of learning material: one shape that somebody vouches for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shapely.geometry.base import BaseGeometry


@dataclass(frozen=True, slots=True)
class Mark:
    """One shape that somebody vouches for. ``label_id`` None and ``negative``: background.

    ``source`` tells where it comes from: an annotation at a revision, or an object of a set.
    """

    geometry: BaseGeometry
    label_id: str | None
    negative: bool
    source: dict[str, Any]
