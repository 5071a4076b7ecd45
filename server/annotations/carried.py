"""Annotations of one slide, transferred to a slide that it is registered with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ml.formats.geometry_budget import GeometryBudget
from ml.messages import Message
from server.accounts.models import User
from server.annotations.geometry import moved_geometry
from server.annotations.selectors import annotations_visible_to
from server.core.errors import StateError
from server.slides.models import Registration

MOST = 5000
# Moved in about ten seconds.
MOST_POINTS = 1_000_000
MOST_SECONDS = 20.0


def carried_annotations(actor: User, registration: Registration) -> Iterator[dict[str, Any]]:
    """Yield the annotations of the moving slide, transferred to the fixed one.

    Raises StateError, and BudgetSpentError or BadGeometryError where moving them costs too much.
    """
    from ml.slides.registration.transform import Registration as Map  # noqa: PLC0415 - skimage only where it is needed

    if registration.document is None:
        detail = Message(
            "not_laid_over",
        )
        raise StateError(detail, code="not_registered")
    registered = Map.from_document(registration.document)
    budget = GeometryBudget(points_read=MOST_POINTS, seconds=MOST_SECONDS)
    rows = annotations_visible_to(actor).filter(slide=registration.moving).order_by("id")
    for row in rows[:MOST]:
        yield {
            "id": row.pk,
            "label_id": row.label_id,
            "geometry": moved_geometry(row.geometry, registered.to_fixed, budget),
        }
