"""Explanations of suggestions over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.authentication import actor_of
from server.core.errors import NotVisibleError
from server.core.files.storage import storage_path
from server.jobs.serializers import JobSerializer
from server.learning import selectors, services
from server.learning.explanations.serializers import ExplanationSerializer
from server.learning.models import Explanation
from server.objects.selectors import get_object_set_for
from server.slides.models import Slide
from server.slides.tiles.grants import issue_grant, region_address

CROP_SIDE = 224


def described(explanation: Explanation, request: Request) -> Any:
    """Return an explanation as JSON values."""
    document = explanation.document
    return {
        "id": str(explanation.pk),
        "index": explanation.index,
        "job": JobSerializer(explanation.job, context={"request": request}).data,
        "why": None if document is None else _why(explanation, document),
    }


def _why(explanation: Explanation, document: dict[str, Any]) -> dict[str, Any]:
    slide_ids = {row["slide_id"] for row in document["neighbours"]}
    slides = {str(slide.pk): slide for slide in selectors.slides_of_explanation(explanation, slide_ids)}
    neighbours = [
        {
            **row,
            "slide_name": slides[row["slide_id"]].name,
            "crop": _crop(slides[row["slide_id"]], row["bounds"]),
        }
        for row in document["neighbours"]
        if row["slide_id"] in slides
    ]
    return {
        **document,
        "neighbours": neighbours,
        "crop": _crop(explanation.object_set.slide, document["bounds"]),
        "map": f"/api/v1/explanations/{explanation.pk}.png",
    }


def _crop(slide: Slide, box: dict[str, int]) -> str:
    grant, _ = issue_grant(slide.sha256)
    area = f"&x={box['x']}&y={box['y']}&width={box['width']}&height={box['height']}"
    return f"{region_address(slide.sha256, grant)}{area}&size={CROP_SIDE}"


class ExplanationView(APIView):
    """Explanation of a suggestion."""

    @extend_schema(operation_id="get_explanation", responses=ExplanationSerializer)
    def get(self, request: Request, set_id: UUID, index: int) -> Response:
        """Return the explanation, or the progress of its job."""
        object_set = get_object_set_for(actor_of(request), set_id)
        return Response(described(selectors.get_explanation(object_set, index), request))

    @extend_schema(operation_id="explain", request=None, responses={202: ExplanationSerializer})
    def post(self, request: Request, set_id: UUID, index: int) -> Response:
        """Request an explanation; a second request returns the first one's."""
        object_set = get_object_set_for(actor_of(request), set_id)
        explanation = services.start_explanation(actor=actor_of(request), object_set=object_set, index=index)
        return Response(described(explanation, request), status=status.HTTP_202_ACCEPTED)


class ExplanationMapView(APIView):
    """The map of an explanation."""

    @extend_schema(operation_id="get_explanation_map", responses={(200, "image/png"): OpenApiTypes.BINARY})
    def get(self, request: Request, explanation_id: UUID) -> HttpResponse:
        """Return the picture; it never changes."""
        explanation = selectors.get_explanation_for(actor_of(request), explanation_id)
        path = storage_path(explanation.map_key) if explanation.map_key else None
        if path is None or not path.is_file():
            raise NotVisibleError
        answer = HttpResponse(path.read_bytes(), content_type="image/png")
        answer["Cache-Control"] = "private, max-age=31536000, immutable"
        return answer
