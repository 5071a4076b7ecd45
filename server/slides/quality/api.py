"""Quality maps of slides over HTTP."""

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
from server.jobs.serializers import JobSerializer
from server.projects.selectors import get_project_for
from server.slides.models import Quality
from server.slides.quality.serializers import MapsStartedSerializer, QualitySerializer
from server.slides.quality.services import (
    ARTEFACTS,
    CLASSES,
    quality_visible_to,
    start_all_quality,
    start_quality,
)
from server.slides.selectors import get_slide_for


def described(quality: Quality | None, request: Request) -> Any:
    """Return a map as JSON values."""
    if quality is None:
        return {"job": None, "map": None}
    return {
        "job": JobSerializer(quality.job, context={"request": request}).data,
        "map": None if quality.picture is None else _map(quality),
    }


def _map(quality: Quality) -> dict[str, Any]:
    shares = [
        {"name": name, "number": CLASSES.index(name), "share": getattr(quality, name)} for name in ARTEFACTS
    ]
    return {
        "step": quality.step,
        "step_y": quality.step_y or quality.step,
        "rows": quality.rows,
        "columns": quality.columns,
        "shares": shares,
        "is_outdated": quality.is_outdated,
        "picture": f"/api/v1/slides/{quality.slide_id}/quality.png",
    }


class QualityView(APIView):
    """The quality of a slide."""

    @extend_schema(operation_id="get_quality", responses=QualitySerializer)
    def get(self, request: Request, slide_id: UUID) -> Response:
        """Return the map, or the progress of its job."""
        slide = get_slide_for(actor_of(request), slide_id)
        quality = quality_visible_to(actor_of(request)).filter(slide=slide).first()
        return Response(described(quality, request))

    @extend_schema(operation_id="map_quality", request=None, responses={202: QualitySerializer})
    def post(self, request: Request, slide_id: UUID) -> Response:
        """Request the map; a second request returns the first one's."""
        slide = get_slide_for(actor_of(request), slide_id)
        quality = start_quality(actor=actor_of(request), slide=slide)
        return Response(described(quality, request), status=status.HTTP_202_ACCEPTED)


class ProjectQualityView(APIView):
    """The quality of all slides of a project."""

    @extend_schema(operation_id="map_all_quality", request=None, responses={202: MapsStartedSerializer})
    def post(self, request: Request, project_id: UUID) -> Response:
        """Request the map of every slide without one."""
        project = get_project_for(actor_of(request), project_id)
        count = start_all_quality(actor=actor_of(request), project=project)
        return Response({"count": count}, status=status.HTTP_202_ACCEPTED)


class QualityPictureView(APIView):
    """The picture of a slide's quality."""

    @extend_schema(operation_id="get_quality_picture", responses={(200, "image/png"): OpenApiTypes.BINARY})
    def get(self, request: Request, slide_id: UUID) -> HttpResponse:
        """Return the picture of the quality map."""
        quality = quality_visible_to(actor_of(request)).filter(slide_id=slide_id).first()
        if quality is None or quality.picture is None:
            raise NotVisibleError
        answer = HttpResponse(bytes(quality.picture), content_type="image/png")
        answer["Cache-Control"] = "private, max-age=3600"
        return answer
