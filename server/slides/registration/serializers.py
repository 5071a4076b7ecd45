"""Serializers of registrations."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from server.jobs.serializers import JobSerializer
from server.slides.models import Registration

MOST_LANDMARKS = 200


def _points() -> serializers.ListField:
    coordinate = serializers.FloatField(min_value=-1e7, max_value=1e7)
    point = serializers.ListField(child=coordinate, min_length=2, max_length=2)
    return serializers.ListField(child=point, max_length=MOST_LANDMARKS)


class LandmarksSerializer(serializers.Serializer[Any]):
    """Pairs of points in level-0 pixels, in the same order."""

    fixed = _points()
    moving = _points()


class NewRegistrationSerializer(serializers.Serializer[Any]):
    """The slide to register with this one."""

    moving_id = serializers.UUIDField()


class MatchQualitySerializer(serializers.Serializer[Any]):
    """Quality of the match of two slides."""

    inliers = serializers.IntegerField()
    share = serializers.FloatField()
    likeness = serializers.FloatField()
    dice = serializers.FloatField()


class RegistrationSerializer(serializers.ModelSerializer[Registration]):
    """Registration of two slides. ``matrix`` maps this one's pixels to the other's, without local shifts."""

    fixed_id = serializers.UUIDField(read_only=True)
    moving_id = serializers.UUIDField(read_only=True)
    moving_name = serializers.CharField(source="moving.name", read_only=True)
    job = JobSerializer(read_only=True, allow_null=True)
    matrix = serializers.SerializerMethodField()
    quality = serializers.SerializerMethodField()
    landmarks = LandmarksSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Registration
        fields = ("id", "fixed_id", "moving_id", "moving_name", "job", "matrix", "quality", "landmarks")

    @extend_schema_field(
        serializers.ListField(
            child=serializers.ListField(child=serializers.FloatField(), min_length=3, max_length=3),
            allow_null=True,
        )
    )
    def get_matrix(self, item: Registration) -> list[list[float]] | None:
        """Return three rows of three numbers; None until a map is computed."""
        matrix: list[list[float]] | None = item.document["matrix"] if item.document else None
        return matrix

    @extend_schema_field(MatchQualitySerializer(allow_null=True))
    def get_quality(self, item: Registration) -> Any:
        """Return the quality of the match; None for a map by landmarks and before one is computed."""
        return item.document["quality"] if item.document else None
