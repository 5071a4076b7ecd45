"""Rounds, snapshots and comparisons over HTTP."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.authentication import actor_of
from server.core.errors import NotVisibleError
from server.jobs.serializers import JobSerializer
from server.learning import selectors, services
from server.learning.models import Round, Snapshot
from server.learning.serializers import (
    ComparisonAnswerSerializer,
    ComparisonSerializer,
    NewRoundSerializer,
    ProposedRoundSerializer,
    ReadinessSerializer,
    RoundSerializer,
    SnapshotSerializer,
    WithSerializer,
)
from server.projects.selectors import get_project_for
from server.registry.selectors import get_comparison_for, get_model_version_for


class CheckRoundView(APIView):
    """Readiness check of a round."""

    @extend_schema(operation_id="check_round", request=ProposedRoundSerializer, responses=ReadinessSerializer)
    def post(self, request: Request, project_id: UUID) -> Response:
        """Check the labels against a recipe's requirements; changes nothing."""
        project = get_project_for(actor_of(request), project_id)
        form = ProposedRoundSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        readiness = services.check_round(actor=actor_of(request), project=project, **form.validated_data)
        return Response(ReadinessSerializer(readiness).data)


class RoundsView(GenericAPIView[Round]):
    """The rounds of a project."""

    serializer_class = RoundSerializer

    @extend_schema(operation_id="list_rounds")
    def get(self, request: Request, project_id: UUID) -> Response:
        """List the rounds, the newest first."""
        project = get_project_for(actor_of(request), project_id)
        page = self.paginate_queryset(selectors.rounds_visible_to(actor_of(request)).filter(project=project))
        body = RoundSerializer(page, many=True, context={"request": request}).data
        return self.get_paginated_response(body)

    @extend_schema(operation_id="start_round", request=NewRoundSerializer, responses={201: RoundSerializer})
    def post(self, request: Request, project_id: UUID) -> Response:
        """Start a round."""
        project = get_project_for(actor_of(request), project_id)
        form = NewRoundSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        turn = services.start_round(actor=actor_of(request), project=project, **form.validated_data)
        body = RoundSerializer(turn, context={"request": request}).data
        return Response(body, status=status.HTTP_201_CREATED)


class RoundView(APIView):
    """One round."""

    @extend_schema(operation_id="get_round", responses=RoundSerializer)
    def get(self, request: Request, round_id: UUID) -> Response:
        """Return a round with its job and its results."""
        turn = selectors.get_round_for(actor_of(request), round_id)
        return Response(RoundSerializer(turn, context={"request": request}).data)


class SnapshotsView(GenericAPIView[Snapshot]):
    """The snapshots of a project."""

    serializer_class = SnapshotSerializer

    @extend_schema(operation_id="list_snapshots")
    def get(self, request: Request, project_id: UUID) -> Response:
        """List the snapshots, the newest first."""
        project = get_project_for(actor_of(request), project_id)
        page = self.paginate_queryset(
            selectors.snapshots_visible_to(actor_of(request)).filter(project=project)
        )
        return self.get_paginated_response(SnapshotSerializer(page, many=True).data)


class ComparisonView(APIView):
    """Comparison of two versions."""

    @extend_schema(
        operation_id="get_comparison",
        parameters=[OpenApiParameter("with", UUID, required=True)],
        responses=ComparisonAnswerSerializer,
    )
    def get(self, request: Request, version_id: UUID) -> Response:
        """Return the stored comparison, null without one."""
        get_model_version_for(actor_of(request), version_id)
        form = WithSerializer(data=request.query_params)
        form.is_valid(raise_exception=True)
        other = get_model_version_for(actor_of(request), form.validated_data["with"])
        try:
            comparison = get_comparison_for(actor_of(request), version_id, other.pk)
        except NotVisibleError:
            return Response({"state": "missing", "comparison": None})
        body = ComparisonSerializer(comparison, context={"request": request}).data
        return Response({"state": "ready", "comparison": body})

    @extend_schema(operation_id="start_comparison", request=WithSerializer, responses={202: JobSerializer})
    def post(self, request: Request, version_id: UUID) -> Response:
        """Measure both on the same held-out labels."""
        version = get_model_version_for(actor_of(request), version_id)
        form = WithSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        other = get_model_version_for(actor_of(request), form.validated_data["with"])
        job = services.start_comparison(actor=actor_of(request), version=version, other=other)
        body = JobSerializer(job, context={"request": request}).data
        return Response(body, status=status.HTTP_202_ACCEPTED)
