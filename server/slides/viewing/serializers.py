"""Serializers of viewing records."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import serializers

from server.slides import models as rows

MOST_VIEWS: Final = 200
LONGEST_MS: Final = 3_600_000
_FAR: Final = 1e8


class ConsentSerializer(serializers.Serializer[Any]):
    """Date of the consent, null without one, and the number of stored views."""

    since = serializers.DateTimeField(allow_null=True)
    views = serializers.IntegerField()


class ViewedSerializer(serializers.ModelSerializer[rows.DwellView]):
    """A box in level-0 pixels, level-0 pixels per screen pixel, and its time on the screen."""

    x = serializers.FloatField(min_value=-_FAR, max_value=_FAR)
    y = serializers.FloatField(min_value=-_FAR, max_value=_FAR)
    width = serializers.FloatField(min_value=1e-3, max_value=_FAR)
    height = serializers.FloatField(min_value=1e-3, max_value=_FAR)
    scale = serializers.FloatField(min_value=1e-4, max_value=1e5)
    milliseconds = serializers.IntegerField(min_value=1, max_value=LONGEST_MS)

    class Meta:
        model = rows.DwellView
        fields = ("x", "y", "width", "height", "scale", "milliseconds")


class NewViewsSerializer(serializers.Serializer[Any]):
    """Views in chronological order."""

    views = serializers.ListField(child=ViewedSerializer(), min_length=1, max_length=MOST_VIEWS)


class StoredSerializer(serializers.Serializer[Any]):
    """Number of stored views."""

    stored = serializers.IntegerField()


class DwellSerializer(serializers.Serializer[Any]):
    """The user's own views of a slide."""

    views = ViewedSerializer(many=True)


class RecordingSerializer(serializers.Serializer[Any]):
    """A recording in the format of ``python -m ml run gaze``."""

    consent = serializers.BooleanField()
    kind = serializers.CharField()
    samples = serializers.ListField(child=serializers.DictField())
