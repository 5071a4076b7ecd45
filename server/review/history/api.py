"""Decisions over HTTP: by tile, by slide, by reviewer."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

import shapely
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
from server.core.representation import represent, represent_all
from server.objects.selectors import get_object_set_for
from server.objects.tiles import encoding_for, pack
from server.projects.selectors import get_project_for
from server.review import selectors
from server.review.decisions.selectors import version_now
from server.review.history.accepted import accepted_outlines, accepted_per_label
from server.review.history.serializers import (
    AcceptedLabelSerializer,
    AcceptedOutlinesSerializer,
    OutlinesQuerySerializer,
    ReviewStateSerializer,
)
from server.review.history.states import states_of_tile
from server.review.models import Verdict
from server.review.serializers import VerdictSerializer
from server.slides.selectors import get_slide_for

_BY_REVIEWER = OpenApiParameter("reviewer", UUID, description="Only those that this person gave.")


def _reviewer_of(request: Request) -> UUID | None:
    reviewer_id = request.query_params.get("reviewer")
    return serializers.UUIDField().run_validation(reviewer_id) if reviewer_id else None


class ProjectVerdictsView(GenericAPIView[Verdict]):
    """The verdicts of a project."""

    serializer_class = VerdictSerializer

    @extend_schema(
        operation_id="list_project_verdicts",
        parameters=[_BY_REVIEWER],
    )
    def get(self, request: Request, project_id: UUID) -> Response:
        """List the verdicts of a project, the newest first."""
        project = get_project_for(actor_of(request), project_id)
        rows = selectors.newest_verdicts_of_project(project, _reviewer_of(request))
        return self.get_paginated_response(represent_all(VerdictSerializer, self.paginate_queryset(rows)))


class SlideVerdictsView(GenericAPIView[Verdict]):
    """The verdicts on a slide, of all its sets."""

    serializer_class = VerdictSerializer

    @extend_schema(operation_id="list_slide_verdicts", parameters=[_BY_REVIEWER])
    def get(self, request: Request, slide_id: UUID) -> Response:
        """List the verdicts on a slide, the newest first."""
        slide = get_slide_for(actor_of(request), slide_id)
        rows = selectors.newest_verdicts_on_slide(slide, _reviewer_of(request))
        return self.get_paginated_response(represent_all(VerdictSerializer, self.paginate_queryset(rows)))


class ReviewStateView(APIView):
    """Review progress of a set."""

    @extend_schema(operation_id="get_review_state", responses=ReviewStateSerializer)
    def get(self, request: Request, set_id: UUID) -> Response:
        """Return the version and the number of objects in each state."""
        object_set = get_object_set_for(actor_of(request), set_id)
        return Response(represent(ReviewStateSerializer, selectors.counts_of(object_set)))


class AcceptedLabelsView(APIView):
    """Accepted suggestions of a slide by label."""

    @extend_schema(operation_id="list_accepted_labels", responses=AcceptedLabelSerializer(many=True))
    def get(self, request: Request, slide_id: UUID) -> Response:
        """Return the number of accepted suggestions by label."""
        slide = get_slide_for(actor_of(request), slide_id)
        return Response(AcceptedLabelSerializer(accepted_per_label(slide), many=True).data)


class AcceptedOutlinesView(APIView):
    """Accepted suggestions of the sets that the viewer does not draw itself."""

    @extend_schema(
        operation_id="list_accepted_outlines",
        parameters=[OutlinesQuerySerializer],
        responses=AcceptedOutlinesSerializer,
    )
    def get(self, request: Request, slide_id: UUID) -> Response:
        """Return the outlines of accepted suggestions, within a box where one is given."""
        slide = get_slide_for(actor_of(request), slide_id)
        form = OutlinesQuerySerializer(data=request.query_params)
        form.is_valid(raise_exception=True)
        box = form.validated_data.get("bbox")
        outlines = accepted_outlines(
            slide, beside=form.validated_data.get("beside"), area=None if box is None else shapely.box(*box)
        )
        return Response(AcceptedOutlinesSerializer(outlines).data)


class StatesView(APIView):
    """The decided objects of one tile."""

    @extend_schema(
        operation_id="get_states",
        parameters=[OpenApiParameter(name, float) for name in LIMITS],
        responses={(200, "application/vnd.apache.arrow.stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, set_id: UUID, z: int, x: int, y: int) -> HttpResponse:
        """Return the decided objects as an Arrow stream; 304 until the next verdict."""
        object_set = get_object_set_for(actor_of(request), set_id)
        try:
            limits = Limits.from_mapping(request.query_params)
        except ValueError as error:
            raise serializers.ValidationError({"limits": str(error)}) from error
        encoding = encoding_for(request.headers.get("Accept-Encoding", "").encode())
        version = version_now(object_set.pk)
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
