"""Prediction runs over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ml.catalogue.registry import find_recipe
from server.accounts.authentication import actor_of
from server.annotations.api import GeometryField
from server.core.errors import NotVisibleError
from server.inference import selectors, services
from server.inference.models import PredictionRun
from server.jobs.api import JobSerializer
from server.projects.selectors import get_project_for
from server.registry.selectors import get_model_version_for
from server.slides.selectors import get_slide_for


class NewPredictionSerializer(serializers.Serializer[Any]):
    """A model version and the slides to predict; without ``slide_ids`` all that are ready."""

    model_version_id = serializers.UUIDField()
    slide_ids = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=10_000, allow_empty=False
    )
    region = GeometryField(required=False)


class StartedSerializer(serializers.Serializer[Any]):
    """One job per slide."""

    jobs = JobSerializer(many=True)


class LabelProbabilitySerializer(serializers.Serializer[Any]):
    """Probability of one label of the whole slide."""

    label_id = serializers.UUIDField(allow_null=True)
    name = serializers.CharField()
    colour = serializers.CharField()
    value = serializers.FloatField()


class EvidenceSerializer(serializers.Serializer[Any]):
    """A patch with high attention, in level-0 pixels; ``weight`` 0..1."""

    x = serializers.IntegerField()
    y = serializers.IntegerField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    weight = serializers.FloatField()


class WholeSlideSerializer(serializers.Serializer[Any]):
    """Finding of a version for a whole slide. ``refer``: a person should decide."""

    probabilities = LabelProbabilitySerializer(many=True)
    uncertainty = serializers.FloatField()
    refer = serializers.BooleanField()
    evidence = EvidenceSerializer(many=True)
    risk = serializers.FloatField(allow_null=True)


class SlideFindingSerializer(serializers.Serializer[Any]):
    """The newest finding of one version for a slide."""

    prediction_id = serializers.UUIDField(source="pk")
    model_version_id = serializers.UUIDField()
    model_version_name = serializers.CharField(source="model_version.name")
    object_set_id = serializers.UUIDField(allow_null=True)
    created_at = serializers.DateTimeField()
    finding = WholeSlideSerializer()


class PredictionSerializer(serializers.ModelSerializer[PredictionRun]):
    """A prediction run of one model version on one slide."""

    model_version_id = serializers.UUIDField(read_only=True)
    slide_id = serializers.UUIDField(read_only=True)
    object_set_id = serializers.UUIDField(read_only=True, allow_null=True)
    job = JobSerializer(read_only=True)
    finding = WholeSlideSerializer(read_only=True, allow_null=True)

    class Meta:
        model = PredictionRun
        fields = ("id", "model_version_id", "slide_id", "object_set_id", "finding", "job", "created_at")


class PredictionsView(GenericAPIView[PredictionRun]):
    """The prediction runs of a project."""

    serializer_class = PredictionSerializer

    @extend_schema(operation_id="list_predictions")
    def get(self, request: Request, project_id: UUID) -> Response:
        """List the prediction runs, the newest first."""
        project = get_project_for(actor_of(request), project_id)
        runs = selectors.predictions_visible_to(actor_of(request)).filter(slide__project=project)
        page = self.paginate_queryset(runs.select_related("job__created_by", "job__project"))
        body = PredictionSerializer(page, many=True, context={"request": request}).data
        return self.get_paginated_response(body)

    @extend_schema(
        operation_id="start_predictions", request=NewPredictionSerializer, responses={202: StartedSerializer}
    )
    def post(self, request: Request, project_id: UUID) -> Response:
        """Start predictions of a version on slides."""
        project = get_project_for(actor_of(request), project_id)
        form = NewPredictionSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        asked = form.validated_data
        version = get_model_version_for(actor_of(request), asked["model_version_id"])
        if version.project_id != project.pk:
            raise NotVisibleError
        runs = services.start_predictions(
            actor=actor_of(request),
            version=version,
            slide_ids=asked.get("slide_ids"),
            region=asked.get("region"),
            quick=find_recipe(version.recipe).quick,
        )
        jobs = JobSerializer([run.job for run in runs], many=True, context={"request": request}).data
        return Response({"jobs": jobs}, status=status.HTTP_202_ACCEPTED)


class FindingsView(APIView):
    """Findings of model versions for a whole slide."""

    @extend_schema(operation_id="list_findings", responses=SlideFindingSerializer(many=True))
    def get(self, request: Request, slide_id: UUID) -> Response:
        """List the newest finding of each version, the newest first."""
        slide = get_slide_for(actor_of(request), slide_id)
        return Response(SlideFindingSerializer(selectors.newest_findings(slide), many=True).data)
