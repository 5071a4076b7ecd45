"""What was decided so far, over HTTP: by tile, by slide, by reviewer."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ml.objectset import Limits
from ml.objectset.filters import LIMITS
from server.accounts.authentication import actor_of
from server.objects.selectors import get_object_set_for
from server.objects.tiles import encoding_for, pack
from server.projects.selectors import get_project_for
from server.review import selectors
from server.review.api import VerdictSerializer
from server.review.models import Verdict
from server.review.states import states_of_tile, version_of
from server.slides.selectors import get_slide_for

_BY_REVIEWER = OpenApiParameter("reviewer", UUID, description="Only those that this person gave.")


def _reviewer_of(request: Request) -> UUID | None:
    told = request.query_params.get("reviewer")
    return serializers.UUIDField().run_validation(told) if told else None


class ProjectVerdictsView(GenericAPIView[Verdict]):
    """The verdicts of a project."""

    serializer_class = VerdictSerializer

    @extend_schema(
        operation_id="list_project_verdicts",
        parameters=[_BY_REVIEWER],
    )
    def get(self, request: Request, project_id: UUID) -> Response:
        """List them, the newest first."""
        project = get_project_for(actor_of(request), project_id)
        rows = selectors.verdicts_of_project(actor_of(request), project, reviewer=_reviewer_of(request))
        return self.get_paginated_response(VerdictSerializer(self.paginate_queryset(rows), many=True).data)


class SlideVerdictsView(GenericAPIView[Verdict]):
    """The verdicts on a slide, whichever set they concern."""

    serializer_class = VerdictSerializer

    @extend_schema(operation_id="list_slide_verdicts", parameters=[_BY_REVIEWER])
    def get(self, request: Request, slide_id: UUID) -> Response:
        """List them, the newest first."""
        slide = get_slide_for(actor_of(request), slide_id)
        wanted = {"slide": slide, "reviewer": _reviewer_of(request)}
        rows = selectors.verdicts_of_project(actor_of(request), slide.project, **wanted)
        return self.get_paginated_response(VerdictSerializer(self.paginate_queryset(rows), many=True).data)


class ReviewStateSerializer(serializers.Serializer[Any]):
    """How far a set has been reviewed; ``version`` changes with every verdict."""

    version = serializers.IntegerField()
    open = serializers.IntegerField()
    accepted = serializers.IntegerField()
    rejected = serializers.IntegerField()
    relabelled = serializers.IntegerField()
    redrawn = serializers.IntegerField()


class ReviewStateView(APIView):
    """How far a set has been reviewed."""

    @extend_schema(operation_id="get_review_state", responses=ReviewStateSerializer)
    def get(self, request: Request, set_id: UUID) -> Response:
        """Return the version and the number of objects in each state."""
        object_set = get_object_set_for(actor_of(request), set_id)
        return Response(ReviewStateSerializer(selectors.counts_of(object_set)).data)


class StatesView(APIView):
    """The decided objects of one tile."""

    @extend_schema(
        operation_id="get_states",
        parameters=[OpenApiParameter(name, float) for name in LIMITS],
        responses={(200, "application/vnd.apache.arrow.stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, set_id: UUID, z: int, x: int, y: int) -> HttpResponse:
        """Return them as an Arrow stream; asking again costs a 304 until the next verdict."""
        object_set = get_object_set_for(actor_of(request), set_id)
        try:
            limits = Limits.from_mapping(request.query_params)
        except ValueError as error:
            raise serializers.ValidationError({"limits": str(error)}) from error
        encoding = encoding_for(request.headers.get("Accept-Encoding", "").encode())
        version = version_of(object_set)
        tag = f'"{version}.{z}.{x}.{y}.{limits.text()}.{encoding}"'
        if tag in request.headers.get("If-None-Match", ""):
            answer = HttpResponse(status=HTTPStatus.NOT_MODIFIED)
        else:
            body = pack(states_of_tile(object_set, version, (z, x, y), limits), encoding)
            answer = HttpResponse(body, content_type="application/vnd.apache.arrow.stream")
            if encoding != "identity":
                answer["Content-Encoding"] = encoding
        answer["ETag"], answer["Cache-Control"] = tag, "private, no-cache"
        answer["Vary"] = "Accept-Encoding"
        return answer
