"""Serializers of object sets and heat maps."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from server.objects.models import HeatMap, ObjectSet
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
