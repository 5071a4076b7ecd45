"""Rounds, snapshots and comparisons over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.api import UserSerializer
from server.accounts.authentication import actor_of
from server.core.errors import NotVisibleError
from server.jobs.api import JobSerializer
from server.learning import selectors, services
from server.learning.models import Round, Snapshot
from server.projects.selectors import get_project_for
from server.registry.api import EstimateSerializer, ModelVersionSerializer
from server.registry.models import Comparison
from server.registry.selectors import get_comparison_for, get_model_version_for


class FindingSerializer(serializers.Serializer[Any]):
    """A stable code, a message, and the names and numbers in it."""

    code = serializers.CharField()
    message = serializers.CharField(source="detail")
    values = serializers.DictField(default=dict)


class LabelCountSerializer(serializers.Serializer[Any]):
    """Number of examples of a label, in all and by part."""

    label_id = serializers.UUIDField()
    name = serializers.CharField()
    shapes = serializers.IntegerField()
    negatives = serializers.IntegerField()
    area_px = serializers.FloatField()
    train = serializers.IntegerField()
    validation = serializers.IntegerField()
    test = serializers.IntegerField()


class PartsSerializer(serializers.Serializer[Any]):
    """Number of marks in each part."""

    train = serializers.IntegerField()
    validation = serializers.IntegerField()
    test = serializers.IntegerField()


class CountsSerializer(serializers.Serializer[Any]):
    """Counts of a round's training material."""

    labels = LabelCountSerializer(many=True)
    negatives = serializers.IntegerField()
    verdicts = serializers.IntegerField()
    finished_regions = serializers.IntegerField()
    cases = serializers.IntegerField()
    slides = serializers.IntegerField()
    parts = PartsSerializer()


class ReadinessSerializer(serializers.Serializer[Any]):
    """Readiness of a round, with its problems and warnings."""

    ready = serializers.BooleanField()
    blockers = FindingSerializer(source="problems", many=True)
    warnings = FindingSerializer(many=True)
    counts = CountsSerializer()
    split_by = serializers.ChoiceField(source="split", choices=("case", "region"))
    parts = PartsSerializer(source="counts.parts")


class ProposedRoundSerializer(serializers.Serializer[Any]):
    """A recipe with its settings."""

    recipe = serializers.CharField(max_length=50)
    config = serializers.DictField(required=False)


class NewRoundSerializer(ProposedRoundSerializer):
    """A round to start."""

    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=0)
    predict = serializers.BooleanField(default=True)


class SnapshotSerializer(serializers.ModelSerializer[Snapshot]):
    """An immutable list of labels, by the hash of its content."""

    counts = CountsSerializer(read_only=True)
    created_by = UserSerializer(read_only=True)

    class Meta:
        model = Snapshot
        fields = ("id", "digest", "counts", "split_by", "created_by", "created_at")


class RoundSerializer(serializers.ModelSerializer[Round]):
    """One round of training."""

    project_id = serializers.UUIDField(read_only=True)
    config = serializers.DictField(read_only=True)
    snapshot = SnapshotSerializer(read_only=True, allow_null=True)
    job = JobSerializer(read_only=True)
    model_version = ModelVersionSerializer(read_only=True, allow_null=True)
    warnings = FindingSerializer(many=True, read_only=True)
    created_by = UserSerializer(read_only=True)

    class Meta:
        model = Round
        fields = (
            "id",
            "project_id",
            "number",
            "recipe",
            "config",
            "seed",
            "snapshot",
            "warnings",
            "predict",
            "job",
            "model_version",
            "created_by",
            "created_at",
        )


class ComparedMetricSerializer(serializers.Serializer[Any]):
    """One metric of both versions, and their difference."""

    name = serializers.CharField()
    unit = serializers.CharField(allow_blank=True)
    this = EstimateSerializer()
    other = EstimateSerializer()
    difference = EstimateSerializer()


class ComparisonSerializer(serializers.ModelSerializer[Comparison]):
    """Two versions on the same held-out items."""

    model_version = ModelVersionSerializer(read_only=True)
    other = ModelVersionSerializer(read_only=True)
    metrics = ComparedMetricSerializer(many=True, read_only=True)

    class Meta:
        model = Comparison
        fields = (
            "id",
            "model_version",
            "other",
            "data_digest",
            "count",
            "metrics",
            "recommendation",
            "created_at",
        )


class ComparisonAnswerSerializer(serializers.Serializer[Any]):
    """The comparison, null without one."""

    state = serializers.ChoiceField(choices=("ready", "missing"))
    comparison = ComparisonSerializer(allow_null=True)


class WithSerializer(serializers.Serializer[Any]):
    """The version to compare with."""

    def get_fields(self) -> dict[str, Any]:
        """Return the fields with ``with``, a keyword of Python."""
        return {"with": serializers.UUIDField()}


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
