"""Serializers of live paintings."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import serializers

from server.core.schema import MessageSerializer
from server.painting.models import Painting

# A view may reach beyond the slide, not beyond reason.
_FARTHEST: Final = 1e7


class ViewBoxSerializer(serializers.Serializer[Any]):
    """The box that a page shows, in level-0 pixels."""

    x = serializers.FloatField(min_value=-_FARTHEST, max_value=_FARTHEST)
    y = serializers.FloatField(min_value=-_FARTHEST, max_value=_FARTHEST)
    width = serializers.FloatField(min_value=1, max_value=_FARTHEST)
    height = serializers.FloatField(min_value=1, max_value=_FARTHEST)


class NewPaintingSerializer(serializers.Serializer[Any]):
    """A request to paint: what the view shows comes first."""

    view = ViewBoxSerializer()


class PaintedPartSerializer(serializers.Serializer[Any]):
    """A picture of cells: where its first cell is, and the size of a cell in level-0 pixels."""

    name = serializers.CharField()
    row = serializers.IntegerField()
    column = serializers.IntegerField()
    rows = serializers.IntegerField()
    columns = serializers.IntegerField()
    step = serializers.FloatField()
    step_y = serializers.FloatField()


class PaintedAreaSerializer(serializers.Serializer[Any]):
    """Area of one label on the painted slide; ``label_id`` null is tissue of no label."""

    label_id = serializers.UUIDField(allow_null=True)
    cells = serializers.IntegerField()
    share = serializers.FloatField(help_text="Share of the painted tissue, 0..1.")
    mm2 = serializers.FloatField(allow_null=True)


_NEWS: Final = ("id", "slide_id", "user_id", "number", "state", "progress", "message", "labels", "areas")


class PaintingNewsSerializer(serializers.ModelSerializer[Painting]):
    """State of a painting, as the event stream tells it."""

    slide_id = serializers.UUIDField(read_only=True)
    user_id = serializers.UUIDField(read_only=True)
    message = MessageSerializer(read_only=True, allow_null=True)
    labels = serializers.ListField(child=serializers.UUIDField(), read_only=True)
    areas = PaintedAreaSerializer(many=True, read_only=True)

    class Meta:
        model = Painting
        fields: tuple[str, ...] = _NEWS
        read_only_fields: tuple[str, ...] = _NEWS


class PaintingSerializer(PaintingNewsSerializer):
    """A painting with its parts, in the order in which they are drawn."""

    parts = PaintedPartSerializer(many=True, read_only=True)

    class Meta(PaintingNewsSerializer.Meta):
        fields = (*_NEWS, "parts")
        read_only_fields = (*_NEWS, "parts")
