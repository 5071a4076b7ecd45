"""Prediction runs over HTTP."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ml.catalogue.registry import find_recipe
from server.accounts.authentication import actor_of
from server.core.errors import NotVisibleError
from server.inference import selectors, services
from server.inference.models import PredictionRun
from server.inference.serializers import (
    NewPredictionSerializer,
    PredictionSerializer,
    SlideFindingSerializer,
    StartedSerializer,
)
from server.jobs.serializers import JobSerializer
from server.projects.selectors import get_project_for
from server.registry.selectors import get_model_version_for
from server.slides.selectors import get_slide_for


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
