"""Serializers of annotations, revisions and finished regions."""

from __future__ import annotations

import math
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from server.accounts.serializers import UserSerializer
from server.annotations.in_view import Box
from server.annotations.models import Annotation, Region, Revision
from server.core.geojson import AreaField, GeometryField
from server.core.schema import ProblemSerializer

MOST_CHANGES = 1000


class ParentSerializer(serializers.Serializer[Any]):
    """The suggestion that an annotation corrects."""

    object_set_id = serializers.UUIDField()
    index = serializers.IntegerField(min_value=0)


class AnnotationSerializer(serializers.ModelSerializer[Annotation]):
    """A shape with a label, in its current revision."""

    slide_id = serializers.UUIDField(read_only=True)
    label_id = serializers.UUIDField(read_only=True, allow_null=True)
    geometry = GeometryField()
    nucleus = GeometryField(read_only=True, allow_null=True)
    author = UserSerializer(read_only=True)
    parent = serializers.SerializerMethodField()  # type: ignore[assignment]

    class Meta:
        model = Annotation
        fields = (
            "id",
            "slide_id",
            "label_id",
            "shape",
            "geometry",
            "area_px",
            "length_px",
            "note",
            "nucleus",
            "revision",
            "author",
            "parent",
            "created_at",
            "updated_at",
        )

    @extend_schema_field(ParentSerializer(allow_null=True))
    def get_parent(self, annotation: Annotation) -> dict[str, Any] | None:
        """Return the suggestion that this annotation corrects."""
        if annotation.parent_object_set_id is None:
            return None
        return {
            "object_set_id": str(annotation.parent_object_set_id),
            "index": annotation.parent_object_index,
        }


class NewAnnotationSerializer(serializers.Serializer[Any]):
    """A new shape under an id chosen by the client."""

    id = serializers.UUIDField()
    label_id = serializers.UUIDField(allow_null=True, required=False, default=None)
    shape = serializers.ChoiceField(choices=Annotation.Shape.choices)
    geometry = GeometryField()
    note = serializers.CharField(max_length=10_000, allow_blank=True, required=False)


class AnnotationChangesSerializer(serializers.Serializer[Any]):
    """Changed fields, and the revision that the change starts from."""

    revision = serializers.IntegerField(min_value=1)
    label_id = serializers.UUIDField(allow_null=True, required=False)
    shape = serializers.ChoiceField(choices=Annotation.Shape.choices, required=False)
    geometry = GeometryField(required=False)
    note = serializers.CharField(max_length=10_000, allow_blank=True, required=False)


class ChangeSerializer(serializers.Serializer[Any]):
    """One operation of a batch."""

    op = serializers.ChoiceField(choices=("create", "update", "delete", "restore"))
    id = serializers.UUIDField()
    revision = serializers.IntegerField(min_value=1, required=False)
    label_id = serializers.UUIDField(allow_null=True, required=False)
    shape = serializers.ChoiceField(choices=Annotation.Shape.choices, required=False)
    geometry = GeometryField(required=False)
    note = serializers.CharField(max_length=10_000, allow_blank=True, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Require the fields of the operation."""
        needed = {"create": ("shape", "geometry"), "update": ("revision",), "delete": ("revision",)}
        missing = [name for name in needed.get(attrs["op"], ()) if attrs.get(name) is None]
        if missing:
            raise serializers.ValidationError(
                dict.fromkeys(missing, f"An operation {attrs['op']!r} needs this.")
            )
        return attrs


class BatchSerializer(serializers.Serializer[Any]):
    """Operations that are applied together or not at all."""

    changes = ChangeSerializer(many=True, max_length=MOST_CHANGES)  # type: ignore[call-arg]


class RevisionSerializer(serializers.ModelSerializer[Revision]):
    """An annotation after one change."""

    author = UserSerializer(read_only=True)
    label_id = serializers.UUIDField(read_only=True, allow_null=True)
    shape = serializers.ChoiceField(choices=Annotation.Shape.choices)
    geometry = GeometryField()

    class Meta:
        model = Revision
        fields = ("number", "change", "author", "at", "label_id", "shape", "geometry", "note")


class StaleChangeSerializer(serializers.Serializer[Any]):
    """A change that starts from an old revision; ``current`` is null where the annotation was deleted."""

    id = serializers.UUIDField()
    current = AnnotationSerializer(allow_null=True)
    latest_revision = RevisionSerializer()


class StaleBatchSerializer(ProblemSerializer):
    """The refusal of a batch, with its stale changes."""

    conflicts = StaleChangeSerializer(many=True, required=False)


class BatchResultSerializer(serializers.Serializer[Any]):
    """The annotations that the batch changed, and the ids of those that it deleted."""

    annotations = AnnotationSerializer(many=True)
    deleted = serializers.ListField(child=serializers.UUIDField())


class RegionSerializer(serializers.ModelSerializer[Region]):
    """A finished region."""

    slide_id = serializers.UUIDField(read_only=True)
    geometry = AreaField()
    declared_by = UserSerializer(read_only=True)

    class Meta:
        model = Region
        fields = ("id", "slide_id", "geometry", "area_px", "declared_by", "created_at")


class NewRegionSerializer(serializers.Serializer[Any]):
    """An area to declare finished, under an id chosen by the client."""

    id = serializers.UUIDField()
    geometry = AreaField()


def read_box(text: str) -> Box:
    """Return the four numbers of ``min_x,min_y,max_x,max_y``; raises ValidationError."""
    message = "A box is four numbers, min_x,min_y,max_x,max_y, in level-0 pixels."
    try:
        left, top, right, bottom = (float(part) for part in text.split(","))
    except ValueError as error:
        raise serializers.ValidationError(message) from error
    if not (-math.inf < left <= right < math.inf and -math.inf < top <= bottom < math.inf):
        raise serializers.ValidationError(message)
    return left, top, right, bottom


class ViewQuerySerializer(serializers.Serializer[Any]):
    """The requested view."""

    bbox = serializers.CharField(help_text="min_x,min_y,max_x,max_y in level-0 pixels.")
    scale = serializers.FloatField(min_value=1e-6, max_value=1e6, help_text="CSS pixels per level-0 pixel.")

    def validate_bbox(self, value: str) -> Box:
        """Return the four numbers."""
        return read_box(value)


class CellsSerializer(serializers.Serializer[Any]):
    """Exact counts; each row is column, row, place in ``labels``, count."""

    size = serializers.FloatField()
    labels = serializers.ListField(child=serializers.UUIDField(allow_null=True))
    rows = serializers.ListField(child=serializers.ListField(child=serializers.IntegerField()))


class AnnotationCountSerializer(serializers.Serializer[Any]):
    """Number of annotations with a label."""

    label_id = serializers.UUIDField(allow_null=True)
    count = serializers.IntegerField()


class InViewSerializer(serializers.Serializer[Any]):
    """Content of a view: shapes from ``min_side`` on, counts of smaller ones."""

    count = serializers.IntegerField()
    complete = serializers.BooleanField()
    min_side = serializers.FloatField()
    annotations = AnnotationSerializer(many=True)
    cells = CellsSerializer(allow_null=True)
    total = serializers.IntegerField(allow_null=True)
    per_label = AnnotationCountSerializer(many=True)


class CarriedAnnotationSerializer(serializers.Serializer[Any]):
    """An annotation of the other slide, in this slide's level-0 pixels."""

    id = serializers.UUIDField()
    label_id = serializers.UUIDField(allow_null=True)
    geometry = GeometryField()
