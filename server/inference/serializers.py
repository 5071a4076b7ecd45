"""Serializers of prediction runs and findings."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from server.core.geojson import PolygonField
from server.inference.models import PredictionRun
from server.jobs.serializers import JobSerializer


class NewPredictionSerializer(serializers.Serializer[Any]):
    """A model version and the slides to predict; without ``slide_ids`` all that are ready."""

    model_version_id = serializers.UUIDField()
    slide_ids = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=10_000, allow_empty=False
    )
    region = PolygonField(required=False)


class StartedSerializer(serializers.Serializer[Any]):
    """One job per slide."""

    jobs = JobSerializer(many=True)


class LabelProbabilitySerializer(serializers.Serializer[Any]):
    """Probability of one label of the whole slide."""

    label_id = serializers.UUIDField(allow_null=True)
    name = serializers.CharField()
    colour = serializers.CharField()
    value = serializers.FloatField()


class EvidenceSerializer(serializers.Serializer[Any]):
    """A patch with high attention, in level-0 pixels; ``weight`` 0..1."""

    x = serializers.IntegerField()
    y = serializers.IntegerField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    weight = serializers.FloatField()


class WholeSlideSerializer(serializers.Serializer[Any]):
    """Finding of a version for a whole slide. ``refer``: a person should decide."""

    probabilities = LabelProbabilitySerializer(many=True)
    uncertainty = serializers.FloatField()
    refer = serializers.BooleanField()
    evidence = EvidenceSerializer(many=True)
    risk = serializers.FloatField(allow_null=True)


class SlideFindingSerializer(serializers.Serializer[Any]):
    """The newest finding of one version for a slide."""

    prediction_id = serializers.UUIDField(source="pk")
    model_version_id = serializers.UUIDField()
    model_version_name = serializers.CharField(source="model_version.name")
    object_set_id = serializers.UUIDField(allow_null=True)
    created_at = serializers.DateTimeField()
    finding = WholeSlideSerializer()


class PredictionSerializer(serializers.ModelSerializer[PredictionRun]):
    """A prediction run of one model version on one slide."""

    model_version_id = serializers.UUIDField(read_only=True)
    slide_id = serializers.UUIDField(read_only=True)
    object_set_id = serializers.UUIDField(read_only=True, allow_null=True)
    job = JobSerializer(read_only=True)
    finding = WholeSlideSerializer(read_only=True, allow_null=True)

    class Meta:
        model = PredictionRun
        fields = ("id", "model_version_id", "slide_id", "object_set_id", "finding", "job", "created_at")
