"""Serializers of decisions by slide."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from server.annotations.serializers import read_box
from server.core.geojson import GeometryField


class ReviewStateSerializer(serializers.Serializer[Any]):
    """Review progress of a set; ``version`` changes with every verdict."""

    version = serializers.IntegerField()
    open = serializers.IntegerField()
    accepted = serializers.IntegerField()
    rejected = serializers.IntegerField()
    relabelled = serializers.IntegerField()
    redrawn = serializers.IntegerField()


class AcceptedLabelSerializer(serializers.Serializer[Any]):
    """Number of accepted suggestions with a label."""

    label_id = serializers.UUIDField()
    count = serializers.IntegerField()


class OutlinesQuerySerializer(serializers.Serializer[Any]):
    """Filters of the outlines."""

    beside = serializers.UUIDField(required=False, help_text="The object set whose own tiles are drawn.")
    bbox = serializers.CharField(required=False, help_text="min_x,min_y,max_x,max_y in level-0 pixels.")

    def validate_bbox(self, value: str) -> tuple[float, float, float, float]:
        """Return the four numbers."""
        return read_box(value)


class AcceptedOutlineSerializer(serializers.Serializer[Any]):
    """The outline of an accepted suggestion and its current label."""

    label_id = serializers.UUIDField(allow_null=True)
    geometry = GeometryField()


class AcceptedOutlinesSerializer(serializers.Serializer[Any]):
    """Outlines to draw; ``count`` is larger than their number where more are accepted."""

    count = serializers.IntegerField()
    outlines = AcceptedOutlineSerializer(many=True)
