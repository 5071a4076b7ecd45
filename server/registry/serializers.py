"""Serializers of recipes and model versions."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ml.catalogue.registry import find_recipe
from ml.contracts import Task
from server.accounts.serializers import UserSerializer
from server.core.files.names import safe_file_name
from server.core.names import NameField
from server.core.schema import MessageSerializer
from server.registry.models import ModelVersion, UploadedWeights
from server.registry.uploads import PREFIX


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}]})
class SettingField(serializers.JSONField):
    """The value of a setting."""


class FieldSerializer(serializers.Serializer[Any]):
    """One setting of a recipe."""

    name = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    unit = serializers.CharField()
    type = serializers.ChoiceField(choices=("integer", "number", "choice", "boolean", "text"))
    default = SettingField(allow_null=True)
    minimum = serializers.FloatField(allow_null=True)
    maximum = serializers.FloatField(allow_null=True)
    choices = serializers.ListField(child=serializers.CharField())
    optional = serializers.BooleanField()


class RecipeSerializer(serializers.Serializer[Any]):
    """A recipe: its description, requirements and claim."""

    name = serializers.CharField()
    title = serializers.CharField()
    task = serializers.ChoiceField(choices=[task.value for task in Task])
    summary = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    claim = serializers.CharField()
    needs = serializers.CharField()
    cost = serializers.CharField()
    quick = serializers.BooleanField()
    fields = FieldSerializer(many=True)  # type: ignore[assignment]


class VersionNameSerializer(serializers.Serializer[Any]):
    """A version by name."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class VersionLabelSerializer(serializers.Serializer[Any]):
    """A label as the version knows it."""

    label_id = serializers.UUIDField(allow_null=True)
    name = serializers.CharField()
    colour = serializers.CharField()


class EstimateSerializer(serializers.Serializer[Any]):
    """A number with its 95 % interval; null where it is undefined."""

    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)


class SurvivalStepSerializer(serializers.Serializer[Any]):
    """One step of a survival curve, with its 95 % interval."""

    months = serializers.FloatField()
    share = serializers.FloatField()
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    at_risk = serializers.IntegerField()


class SurvivalGroupSerializer(serializers.Serializer[Any]):
    """The held-out patients on one side of the median risk; ``last`` is the longest follow-up in months."""

    name = serializers.ChoiceField(choices=("low", "high"))
    count = serializers.IntegerField()
    events = serializers.IntegerField()
    last = serializers.FloatField()
    censored = serializers.ListField(child=serializers.FloatField())
    steps = SurvivalStepSerializer(many=True)


class SurvivalSerializer(serializers.Serializer[Any]):
    """Survival of patients by a version's predicted risk."""

    count = serializers.IntegerField()
    median_risk = serializers.FloatField()
    p = serializers.FloatField(allow_null=True)
    statistic = serializers.FloatField(allow_null=True)
    groups = SurvivalGroupSerializer(many=True)


class MetricsSerializer(serializers.Serializer[Any]):
    """Metrics on held-out data; missing ones were not stored by earlier versions."""

    count = serializers.IntegerField()
    units = serializers.IntegerField(required=False, allow_null=True)
    labels = serializers.ListField(child=serializers.CharField())
    values = serializers.DictField(child=EstimateSerializer())
    confusion = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField()), allow_null=True
    )
    reliability = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(), min_length=3, max_length=3),
        help_text="Confidence, accuracy and count of each bin.",
    )
    survival = SurvivalSerializer(required=False, allow_null=True)
    part = serializers.CharField()
    split_by = serializers.CharField()


@extend_schema_field(MetricsSerializer)
class MetricsField(serializers.DictField):
    """The metrics as stored; a version is never measured again."""


class ModelVersionSerializer(serializers.ModelSerializer[ModelVersion]):
    """A trained recipe with its provenance and metrics."""

    project_id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(read_only=True)
    recipe_title = serializers.SerializerMethodField()
    task = serializers.ChoiceField(choices=[task.value for task in Task])
    parent = VersionNameSerializer(read_only=True, allow_null=True)
    labels = VersionLabelSerializer(many=True, read_only=True)
    config = serializers.DictField(read_only=True)
    metrics = MetricsField(read_only=True)
    card_lines = MessageSerializer(many=True, read_only=True)
    card_file_name = serializers.SerializerMethodField()
    created_by = UserSerializer(read_only=True)

    class Meta:
        model = ModelVersion
        fields = (
            "id",
            "project_id",
            "name",
            "recipe",
            "recipe_title",
            "task",
            "number",
            "state",
            "parent",
            "labels",
            "config",
            "seed",
            "snapshot_digest",
            "round_id",
            "code_version",
            "weights_digest",
            "metrics",
            "card",
            "card_lines",
            "card_file_name",
            "created_by",
            "created_at",
            "promoted_at",
            "kept_at",
        )

    def get_recipe_title(self, version: ModelVersion) -> str:
        """Return the title of the recipe."""
        return find_recipe(version.recipe).title

    def get_card_file_name(self, version: ModelVersion) -> str:
        """Return the file name of the card's download."""
        return safe_file_name(version.name, ".md")


class ReasonSerializer(serializers.Serializer[Any]):
    """The reason for a decision."""

    reason = serializers.CharField(max_length=2000, allow_blank=True, default="")


class RollBackSerializer(ReasonSerializer):
    """The task to roll back to its previous version."""

    task = serializers.ChoiceField(choices=[task.value for task in Task])


class UploadedWeightsSerializer(serializers.ModelSerializer[UploadedWeights]):
    """Uploaded weights. Recipes refer to them as ``weights:`` and the name."""

    created_by = UserSerializer(read_only=True)

    class Meta:
        model = UploadedWeights
        fields = ("id", "name", "provenance", "digest", "size", "tensors", "created_by", "created_at")
        read_only_fields = fields


class WeightsFileSerializer(serializers.Serializer[Any]):
    """A safetensors file, its name, and its origin."""

    file = serializers.FileField()
    name = NameField(max_length=100)
    provenance = serializers.CharField(max_length=2000)

    def validate_name(self, name: str) -> str:
        """Raise for path separators, and for a name that reads as a reference to other weights."""
        if {"/", "\\"} & set(name) or name.startswith(PREFIX):
            message = f"The name must hold no slash or backslash and must not begin with '{PREFIX}'."
            raise serializers.ValidationError(message)
        return name
