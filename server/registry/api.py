"""Recipes and model versions over HTTP."""

from __future__ import annotations

from uuid import UUID

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ml.catalogue.registry import RECIPES
from server.accounts.authentication import actor_of
from server.projects.selectors import get_project_for
from server.registry import selectors, services
from server.registry.models import ModelVersion
from server.registry.serializers import (
    ModelVersionSerializer,
    ReasonSerializer,
    RecipeSerializer,
    RollBackSerializer,
)


class VersionFilter(django_filters.FilterSet):
    """Filter of model versions."""

    task = django_filters.CharFilter()
    state = django_filters.MultipleChoiceFilter(choices=ModelVersion.State.choices)

    class Meta:
        model = ModelVersion
        fields = ("task", "state")


class RecipesView(APIView):
    """Recipes that can be trained."""

    @extend_schema(operation_id="list_recipes", responses=RecipeSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List the recipes with their settings."""
        del request
        return Response(RecipeSerializer(RECIPES, many=True).data)


class ModelVersionsView(GenericAPIView[ModelVersion]):
    """The model versions of a project."""

    serializer_class = ModelVersionSerializer
    filterset_class = VersionFilter
    queryset = ModelVersion.objects.none()

    @extend_schema(operation_id="list_model_versions")
    def get(self, request: Request, project_id: UUID) -> Response:
        """List the model versions, the newest first."""
        project = get_project_for(actor_of(request), project_id)
        versions = selectors.model_versions_visible_to(actor_of(request)).filter(project=project)
        page = self.paginate_queryset(self.filter_queryset(versions.select_related("parent")))
        return self.get_paginated_response(ModelVersionSerializer(page, many=True).data)


class ModelVersionView(APIView):
    """One model version."""

    @extend_schema(operation_id="get_model_version", responses=ModelVersionSerializer)
    def get(self, request: Request, version_id: UUID) -> Response:
        """Return a model version with metrics and card."""
        version = selectors.get_model_version_for(actor_of(request), version_id)
        return Response(ModelVersionSerializer(version).data)


class PromoteView(APIView):
    """Promotion of a version."""

    @extend_schema(
        operation_id="promote_model_version", request=ReasonSerializer, responses=ModelVersionSerializer
    )
    def post(self, request: Request, version_id: UUID) -> Response:
        """Promote a version."""
        version = selectors.get_model_version_for(actor_of(request), version_id)
        form = ReasonSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        version = services.promote_model_version(
            actor=actor_of(request), version=version, reason=form.validated_data["reason"]
        )
        return Response(ModelVersionSerializer(version).data)


class KeepView(APIView):
    """Rejection of a candidate."""

    @extend_schema(
        operation_id="keep_current_version", request=ReasonSerializer, responses=ModelVersionSerializer
    )
    def post(self, request: Request, version_id: UUID) -> Response:
        """Keep the current version and record the decision."""
        version = selectors.get_model_version_for(actor_of(request), version_id)
        form = ReasonSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        version = services.keep_current_version(
            actor=actor_of(request), version=version, reason=form.validated_data["reason"]
        )
        return Response(ModelVersionSerializer(version).data)


class RollBackView(APIView):
    """Roll-back to the previous version."""

    @extend_schema(
        operation_id="roll_back_model_version",
        request=RollBackSerializer,
        responses=ModelVersionSerializer,
    )
    def post(self, request: Request, project_id: UUID) -> Response:
        """Make the previous version current again."""
        project = get_project_for(actor_of(request), project_id)
        form = RollBackSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        version = services.roll_back_model_version(
            actor=actor_of(request),
            project=project,
            task=form.validated_data["task"],
            reason=form.validated_data["reason"],
        )
        return Response(ModelVersionSerializer(version).data)
