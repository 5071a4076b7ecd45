"""Annotations of one slide as they lie on another that it was laid over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from shapely.geometry import mapping, shape

from ml.contracts import Sentence
from server.accounts.authentication import actor_of
from server.annotations.api import GeometryField
from server.annotations.selectors import annotations_visible_to
from server.core.errors import StateError
from server.slides.models import Registration
from server.slides.selectors import get_registration_for

MOST = 5000


class CarriedAnnotationSerializer(serializers.Serializer[Any]):
    """An annotation of the other slide, in this slide's level-0 pixels."""

    id = serializers.UUIDField()
    label_id = serializers.UUIDField(allow_null=True)
    geometry = GeometryField()


def carried_annotations(request: Request, registration: Registration) -> Iterator[dict[str, Any]]:
    """Yield the annotations of the moving slide as they lie on the fixed one; raises StateError."""
    from ml.slides.registration import Registration as Map  # noqa: PLC0415 - skimage only where it is needed

    if registration.document is None:
        detail = Sentence(
            "not_laid_over",
            "The two slides have not been laid over each other yet; wait for it, or set landmarks.",
        )
        raise StateError(detail, code="not_registered")
    found = Map.from_document(registration.document)
    rows = annotations_visible_to(actor_of(request)).filter(slide=registration.moving).order_by("id")
    for row in rows[:MOST]:
        yield {
            "id": row.pk,
            "label_id": row.label_id,
            "geometry": mapping(found.warp(shape(row.geometry))),
        }


class CarriedView(APIView):
    """The other slide's annotations."""

    @extend_schema(operation_id="list_carried_annotations", responses=CarriedAnnotationSerializer(many=True))
    def get(self, request: Request, registration_id: UUID) -> Response:
        """List at most 5000 of them, as they lie on the slide that stays."""
        registration = get_registration_for(actor_of(request), registration_id)
        rows = list(carried_annotations(request, registration))
        return Response(CarriedAnnotationSerializer(rows, many=True).data)
