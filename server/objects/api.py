"""Object sets and heat maps over HTTP."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ml.objectset import heat_map_png, read_heat_map
from server.accounts.authentication import actor_of
from server.core.errors import NotVisibleError
from server.core.files.storage import storage_path
from server.objects import selectors, services
from server.objects.models import ObjectSet
from server.objects.serializers import ObjectSetSerializer
from server.slides.selectors import get_slide_for


class ObjectSetsView(GenericAPIView[ObjectSet]):
    """The object sets of a slide."""

    serializer_class = ObjectSetSerializer

    @extend_schema(
        operation_id="list_object_sets",
        parameters=[OpenApiParameter("current", bool, description="Only sets that were not superseded.")],
    )
    def get(self, request: Request, slide_id: UUID) -> Response:
        """List the object sets of a slide, the newest first."""
        slide = get_slide_for(actor_of(request), slide_id)
        visible = selectors.object_sets_visible_to(actor_of(request))
        sets = visible.filter(slide=slide).prefetch_related("heat_maps")
        if request.query_params.get("current") == "true":
            sets = sets.filter(superseded_at__isnull=True)
        # The count of a state is wanted, not its bitmaps, which may be large.
        sets = sets.select_related("review_state").defer(
            *(f"review_state__{name}" for name in ("accepted", "rejected", "redrawn", "relabelled"))
        )
        page = self.paginate_queryset(sets)
        return self.get_paginated_response(ObjectSetSerializer(page, many=True).data)


class ObjectSetView(APIView):
    """One object set."""

    @extend_schema(operation_id="get_object_set", responses=ObjectSetSerializer)
    def get(self, request: Request, set_id: UUID) -> Response:
        """Return an object set, with its heat maps."""
        object_set = selectors.get_object_set_for(actor_of(request), set_id)
        return Response(ObjectSetSerializer(object_set).data)


class WithdrawalView(APIView):
    """Withdrawal of an imported set."""

    @extend_schema(
        operation_id="withdraw_object_set",
        request=None,
        responses=inline_serializer("Withdrawal", {"deleted": serializers.BooleanField()}),
    )
    def post(self, request: Request, set_id: UUID) -> Response:
        """Delete an imported set, or supersede it where it has verdicts; ``deleted`` says which."""
        object_set = selectors.get_object_set_for(actor_of(request), set_id)
        deleted = services.withdraw_object_set(actor=actor_of(request), object_set=object_set)
        return Response({"deleted": deleted})


class HeatMapPictureView(APIView):
    """A heat map as a grey picture of one pixel per cell."""

    @extend_schema(
        operation_id="get_heat_map_picture",
        parameters=[OpenApiParameter("version", int)],
        responses={(200, "image/png"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, heat_map_id: UUID) -> HttpResponse:
        """Return the picture of one version; versions never change."""
        heat_map = selectors.get_heat_map_for(actor_of(request), heat_map_id)
        version = request.query_params.get("version", str(heat_map.version))
        if not (version.isascii() and version.isdigit()):
            raise NotVisibleError
        try:
            grid = read_heat_map(storage_path(heat_map.storage_key), f"v{int(version)}")
        except FileNotFoundError as error:
            raise NotVisibleError from error
        answer = HttpResponse(heat_map_png(grid.values), content_type="image/png")
        answer["Cache-Control"] = "private, max-age=31536000, immutable"
        return answer
