"""Object sets and heat maps over HTTP."""

from __future__ import annotations

from typing import Any
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
from server.objects.models import HeatMap, ObjectSet
from server.slides.selectors import get_slide_for
from server.slides.tiles.grants import issue_grant


class HeatMapSerializer(serializers.ModelSerializer[HeatMap]):
    """A grid of numbers over a slide; the numbers are in the picture at ``png``."""

    png = serializers.SerializerMethodField()

    class Meta:
        model = HeatMap
        fields = (
            "id",
            "name",
            "kind",
            "label_id",
            "x",
            "y",
            "step",
            "step_y",
            "rows",
            "columns",
            "version",
            "png",
        )

    def get_png(self, heat_map: HeatMap) -> str:
        """Return the URL of the picture: grey value 254 times the number, 255 for none."""
        return f"/api/v1/heat-maps/{heat_map.pk}.png?version={heat_map.version}"


class SetLabelSerializer(serializers.Serializer[Any]):
    """A label at its index in the files."""

    label_id = serializers.UUIDField(allow_null=True)
    name = serializers.CharField()
    colour = serializers.CharField()


class ObjectSetSerializer(serializers.ModelSerializer[ObjectSet]):
    """An immutable table of shapes, with the URL of its tiles."""

    slide_id = serializers.UUIDField(read_only=True)
    labels = SetLabelSerializer(many=True, read_only=True)
    summary = serializers.DictField(read_only=True)
    is_of_other_resolution = serializers.BooleanField(
        read_only=True, help_text="The slide's resolution was changed since the model ran: predict again."
    )
    heat_maps = HeatMapSerializer(many=True, read_only=True)
    tiles = serializers.SerializerMethodField()
    levels = serializers.SerializerMethodField()
    tile0 = serializers.SerializerMethodField()
    shape = serializers.SerializerMethodField()
    decided_count = serializers.SerializerMethodField()

    class Meta:
        model = ObjectSet
        fields = (
            "id",
            "slide_id",
            "name",
            "source",
            "producer_id",
            "producer_name",
            "state",
            "labels",
            "count",
            "summary",
            "superseded_at",
            "mpp_x",
            "mpp_y",
            "is_of_other_resolution",
            "created_at",
            "tiles",
            "levels",
            "tile0",
            "shape",
            "decided_count",
            "heat_maps",
        )

    def get_tiles(self, object_set: ObjectSet) -> str | None:
        """Return the template of tile URLs with its grant; None until the set is ready."""
        if object_set.state != ObjectSet.State.READY:
            return None
        folder = object_set.storage_key.rpartition("/")[2]
        grant, _ = issue_grant(folder)
        return f"/object-tiles/{folder}/{{z}}/{{x}}/{{y}}.arrow?grant={grant}"

    def get_levels(self, object_set: ObjectSet) -> int:
        """Return the deepest level."""
        return int(object_set.summary.get("levels", 0))

    def get_tile0(self, object_set: ObjectSet) -> float:
        """Return the side of the tile of level 0, in level-0 pixels of the slide."""
        return float(object_set.summary.get("tile0", 0))

    def get_shape(self, object_set: ObjectSet) -> str:
        """Return polygons, points or boxes."""
        return str(object_set.summary.get("shape", "polygons"))

    def get_decided_count(self, object_set: ObjectSet) -> int:
        """Return the number of objects with a verdict."""
        state = getattr(object_set, "review_state", None)
        return state.decided_count if state is not None else 0


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
