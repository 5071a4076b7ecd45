"""Serializers of explanations."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from server.jobs.serializers import JobSerializer
from server.review.serializers import BoundsSerializer


class NeighbourSerializer(serializers.Serializer[Any]):
    """A labelled patch similar to the explained one; ``likeness`` 0..1."""

    slide_id = serializers.UUIDField()
    slide_name = serializers.CharField()
    bounds = BoundsSerializer()
    label = serializers.CharField(allow_null=True)  # type: ignore[assignment]
    likeness = serializers.FloatField()
    crop = serializers.CharField()


class WhySerializer(serializers.Serializer[Any]):
    """The explanation map and the most similar labelled patches."""

    label = serializers.CharField()  # type: ignore[assignment]
    probability = serializers.FloatField()
    method = serializers.CharField()
    bounds = BoundsSerializer()
    crop = serializers.CharField()
    map = serializers.CharField(help_text="A grey picture over the bounds; white spoke for the label.")
    neighbours = NeighbourSerializer(many=True)


class ExplanationSerializer(serializers.Serializer[Any]):
    """An explanation; ``why`` is null until its job has succeeded."""

    id = serializers.UUIDField()
    index = serializers.IntegerField()
    job = JobSerializer()
    why = WhySerializer(allow_null=True)
