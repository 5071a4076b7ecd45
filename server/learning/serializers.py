"""Serializers of rounds, snapshots and comparisons."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from server.accounts.serializers import UserSerializer
from server.core.schema import MessageSerializer
from server.jobs.serializers import JobSerializer
from server.learning.models import Round, Snapshot
from server.registry.models import Comparison
from server.registry.serializers import EstimateSerializer, ModelVersionSerializer


class LabelCountSerializer(serializers.Serializer[Any]):
    """Number of examples of a label, in all and by part."""

    label_id = serializers.UUIDField()
    name = serializers.CharField()
    shapes = serializers.IntegerField()
    negatives = serializers.IntegerField()
    area_px = serializers.FloatField()
    train = serializers.IntegerField()
    validation = serializers.IntegerField()
    test = serializers.IntegerField()


class PartsSerializer(serializers.Serializer[Any]):
    """Number of marks in each part."""

    train = serializers.IntegerField()
    validation = serializers.IntegerField()
    test = serializers.IntegerField()


class CountsSerializer(serializers.Serializer[Any]):
    """Counts of a round's training material."""

    labels = LabelCountSerializer(many=True)
    negatives = serializers.IntegerField()
    verdicts = serializers.IntegerField()
    finished_regions = serializers.IntegerField()
    cases = serializers.IntegerField()
    slides = serializers.IntegerField()
    parts = PartsSerializer()


class ReadinessSerializer(serializers.Serializer[Any]):
    """Readiness of a round, with its problems and warnings."""

    ready = serializers.BooleanField()
    blockers = MessageSerializer(source="problems", many=True)
    warnings = MessageSerializer(many=True)
    counts = CountsSerializer()
    split_by = serializers.ChoiceField(source="split", choices=("case", "region"))
    parts = PartsSerializer(source="counts.parts")


class ProposedRoundSerializer(serializers.Serializer[Any]):
    """A recipe with its settings."""

    recipe = serializers.CharField(max_length=50)
    config = serializers.DictField(required=False)


class NewRoundSerializer(ProposedRoundSerializer):
    """A round to start."""

    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=0)
    predict = serializers.BooleanField(default=True)


class SnapshotSerializer(serializers.ModelSerializer[Snapshot]):
    """An immutable list of labels, by the hash of its content."""

    counts = CountsSerializer(read_only=True)
    created_by = UserSerializer(read_only=True)

    class Meta:
        model = Snapshot
        fields = ("id", "digest", "counts", "split_by", "created_by", "created_at")


class RoundSerializer(serializers.ModelSerializer[Round]):
    """One round of training."""

    project_id = serializers.UUIDField(read_only=True)
    config = serializers.DictField(read_only=True)
    snapshot = SnapshotSerializer(read_only=True, allow_null=True)
    job = JobSerializer(read_only=True)
    model_version = ModelVersionSerializer(read_only=True, allow_null=True)
    warnings = MessageSerializer(many=True, read_only=True)
    created_by = UserSerializer(read_only=True)

    class Meta:
        model = Round
        fields = (
            "id",
            "project_id",
            "number",
            "recipe",
            "config",
            "seed",
            "snapshot",
            "warnings",
            "predict",
            "job",
            "model_version",
            "created_by",
            "created_at",
        )


class ComparedMetricSerializer(serializers.Serializer[Any]):
    """One metric of both versions, and their difference."""

    name = serializers.CharField()
    unit = serializers.CharField(allow_blank=True)
    this = EstimateSerializer()
    other = EstimateSerializer()
    difference = EstimateSerializer()


class ComparisonSerializer(serializers.ModelSerializer[Comparison]):
    """Two versions on the same held-out items."""

    model_version = ModelVersionSerializer(read_only=True)
    other = ModelVersionSerializer(read_only=True)
    metrics = ComparedMetricSerializer(many=True, read_only=True)

    class Meta:
        model = Comparison
        fields = (
            "id",
            "model_version",
            "other",
            "data_digest",
            "count",
            "metrics",
            "recommendation",
            "created_at",
        )


class ComparisonAnswerSerializer(serializers.Serializer[Any]):
    """The comparison, null without one."""

    state = serializers.ChoiceField(choices=("ready", "missing"))
    comparison = ComparisonSerializer(allow_null=True)


class WithSerializer(serializers.Serializer[Any]):
    """The version to compare with."""

    def get_fields(self) -> dict[str, Any]:
        """Return the fields with ``with``, a keyword of Python."""
        return {"with": serializers.UUIDField()}
