"""Annotations of one slide, transferred to a slide that it is registered with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ml.contracts import Sentence
from ml.formats.geometry_budget import GeometryBudget
from server.accounts.authentication import actor_of
from server.annotations.geometry import moved_geometry
from server.annotations.selectors import annotations_visible_to
from server.annotations.serializers import CarriedAnnotationSerializer
from server.core.errors import StateError
from server.slides.models import Registration
from server.slides.selectors import get_registration_for

MOST = 5000
# Moved in about ten seconds.
MOST_POINTS = 1_000_000
MOST_SECONDS = 20.0


def carried_annotations(request: Request, registration: Registration) -> Iterator[dict[str, Any]]:
    """Yield the annotations of the moving slide, transferred to the fixed one.

    Raises StateError, and BudgetSpentError or BadGeometryError where moving them costs too much.
    """
    from ml.slides.registration.transform import Registration as Map  # noqa: PLC0415 - skimage only where it is needed

    if registration.document is None:
        detail = Sentence(
            "not_laid_over",
            "The two slides are not aligned yet. Wait for the alignment, or set landmarks.",
        )
        raise StateError(detail, code="not_registered")
    registered = Map.from_document(registration.document)
    budget = GeometryBudget(points_read=MOST_POINTS, seconds=MOST_SECONDS)
    rows = annotations_visible_to(actor_of(request)).filter(slide=registration.moving).order_by("id")
    for row in rows[:MOST]:
        yield {
            "id": row.pk,
            "label_id": row.label_id,
            "geometry": moved_geometry(row.geometry, registered.to_fixed, budget),
        }


class CarriedView(APIView):
    """Transferred annotations of the other slide."""

    @extend_schema(operation_id="list_carried_annotations", responses=CarriedAnnotationSerializer(many=True))
    def get(self, request: Request, registration_id: UUID) -> Response:
        """List at most 5000 annotations of the other slide, transferred to this one."""
        registration = get_registration_for(actor_of(request), registration_id)
        rows = list(carried_annotations(request, registration))
        return Response(CarriedAnnotationSerializer(rows, many=True).data)
