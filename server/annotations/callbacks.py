"""Registry of callbacks for downstream apps that keep counts of drawn shapes.

They register in their ``AppConfig.ready``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from uuid import UUID

    from server.slides.models import Slide


@dataclass(frozen=True, slots=True)
class DrawnShape:
    """A shape to count: GeoJSON in level-0 pixels, and a label; None for a finished region."""

    geometry: Mapping[str, Any]
    label_id: UUID | None
    is_finished_region: bool = False


ShapesChanged = Callable[["Slide", Sequence[DrawnShape], Sequence[DrawnShape]], None]

_shapes_changed: Final[dict[str, ShapesChanged]] = {}


def on_shapes_changed(name: str, callback: ShapesChanged) -> None:
    """Register ``callback(slide, removed, added)`` for each transaction that changes shapes of a slide."""
    _shapes_changed[name] = callback


def report_shapes(slide: Slide, removed: Sequence[DrawnShape], added: Sequence[DrawnShape]) -> None:
    """Call the registered callbacks with the shapes that a change removes and adds."""
    if removed or added:
        for callback in _shapes_changed.values():
            callback(slide, removed, added)
