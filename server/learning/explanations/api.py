"""Explanations of suggestions over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.authentication import actor_of
from server.core.errors import NotVisibleError
from server.core.files.storage import storage_path
from server.jobs.api import JobSerializer
from server.learning import selectors, services
from server.learning.models import Explanation
from server.objects.selectors import get_object_set_for
from server.review.api import BoundsSerializer
from server.slides.models import Slide
from server.slides.tiles.grants import issue_grant, region_address

CROP_SIDE = 224


class NeighbourSerializer(serializers.Serializer[Any]):
    """A labelled patch similar to the explained one; ``likeness`` 0..1."""

    slide_id = serializers.UUIDField()
    slide_name = serializers.CharField()
    bounds = BoundsSerializer()
    label = serializers.CharField(allow_null=True)  # type: ignore[assignment]
    likeness = serializers.FloatField()
    crop = serializers.CharField()


class WhySerializer(serializers.Serializer[Any]):
    """The explanation map and the most similar labelled patches."""

    label = serializers.CharField()  # type: ignore[assignment]
    probability = serializers.FloatField()
    method = serializers.CharField()
    bounds = BoundsSerializer()
    crop = serializers.CharField()
    map = serializers.CharField(help_text="A grey picture over the bounds; white spoke for the label.")
    neighbours = NeighbourSerializer(many=True)


class ExplanationSerializer(serializers.Serializer[Any]):
    """An explanation; ``why`` is null until its job has succeeded."""

    id = serializers.UUIDField()
    index = serializers.IntegerField()
    job = JobSerializer()
    why = WhySerializer(allow_null=True)


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
