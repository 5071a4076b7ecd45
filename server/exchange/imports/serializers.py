"""Fields of the import and its preview over HTTP."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from server.core.geojson import GeometryField
from server.core.schema import MessageSerializer, ProblemSerializer
from server.exchange.imports.options import ImportOptions, Outside, Target, Version
from server.exchange.imports.rows import Outcome

LEAST_SCALE: Final = 1e-6
MOST_SCALE: Final = 1e6


@extend_schema_field(serializers.DictField(child=serializers.CharField()))
class MappingField(serializers.JSONField):
    """Map from class names of the file to the id of a label, or ``new``, ``none``, ``skip`` or ``own``."""

    def to_internal_value(self, data: Any) -> dict[str, str]:
        """Return the mapping; raises ValidationError for anything but texts by name."""
        value = super().to_internal_value(data)
        if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
            message = f"A JSON object: class name to the id of a label, or one of {', '.join(Target)}."
            raise serializers.ValidationError(message)
        return value


class ImportSerializer(serializers.Serializer[Any]):
    """A file of shapes with the options of its import.

    ``file`` is the file itself; ``upload`` the token of a file that a preview has sent already. ``become``:
    annotations, or objects (an object set), or auto: annotations up to 20,000 shapes; but proposals that
    nobody has reviewed are objects to review.
    """

    file = serializers.FileField(required=False)
    upload = serializers.CharField(required=False, max_length=2000)
    create_labels = serializers.BooleanField(default=False)
    become = serializers.ChoiceField(choices=("auto", "annotations", "objects"), default="auto")
    mapping = MappingField(required=False, default=dict)
    outside = serializers.ChoiceField(choices=[str(value) for value in Outside], default=str(Outside.KEEP))
    strict = serializers.BooleanField(default=False)
    scale = serializers.FloatField(default=1.0, min_value=LEAST_SCALE, max_value=MOST_SCALE)
    conflicts = serializers.ChoiceField(choices=[str(value) for value in Version], default=str(Version.HERE))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Require a file or the token of one."""
        if ("file" in attrs) == ("upload" in attrs):
            raise serializers.ValidationError({"file": "Send a file, or the token of a file as `upload`."})
        return attrs

    @property
    def options(self) -> ImportOptions:
        """Options of a valid form."""
        return ImportOptions.from_json(self.validated_data)


class SkippedSerializer(serializers.Serializer[Any]):
    """A row that is left out."""

    row = serializers.IntegerField()
    reason = MessageSerializer()


class ReportRowSerializer(serializers.Serializer[Any]):
    """A row of the report with its outcome and the reason."""

    row = serializers.IntegerField()
    outcome = serializers.ChoiceField(choices=[str(value) for value in Outcome])
    id = serializers.CharField(allow_null=True)
    label = serializers.CharField(allow_null=True)  # type: ignore[assignment]
    reason = MessageSerializer(allow_null=True)
    is_mended = serializers.BooleanField()


class RefusedRowsSerializer(ProblemSerializer):
    """The refusal of a file, with the rows that cannot be imported."""

    rows = ReportRowSerializer(many=True, required=False)


class ReasonCountSerializer(serializers.Serializer[Any]):
    """Number of rows with one reason."""

    count = serializers.IntegerField()
    reason = MessageSerializer()


class ImportedSerializer(serializers.Serializer[Any]):
    """Report of an import. ``job_id`` is the job that imports a large file and has the report later."""

    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    already_there = serializers.IntegerField()
    conflicts = serializers.IntegerField()
    mended = serializers.IntegerField()
    cut = serializers.IntegerField()
    missing = serializers.IntegerField()
    without_score = serializers.IntegerField()
    nuclei_left_out = serializers.IntegerField(
        help_text="Nuclei of cells, of which an object set keeps the outlines only."
    )
    skipped = SkippedSerializer(many=True)
    skipped_count = serializers.IntegerField()
    labels_created = serializers.ListField(child=serializers.CharField())
    rows = ReportRowSerializer(many=True)
    rows_left_out = serializers.IntegerField()
    reasons = ReasonCountSerializer(many=True)
    warning = MessageSerializer(allow_null=True)
    job_id = serializers.UUIDField(allow_null=True)


class SimilarLabelSerializer(serializers.Serializer[Any]):
    """A label whose name differs from a class in letter case only."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class ClassSerializer(serializers.Serializer[Any]):
    """A class of the file and its target: a label, or ``new``, ``none``, ``skip`` or ``own``."""

    name = serializers.CharField()
    count = serializers.IntegerField()
    colour = serializers.CharField()
    target = serializers.CharField()
    label_name = serializers.CharField(allow_null=True)
    is_retired = serializers.BooleanField()
    is_question = serializers.BooleanField()
    similar = SimilarLabelSerializer(many=True)


class PreviewShapeSerializer(serializers.Serializer[Any]):
    """A shape of the file as it would be placed on the slide."""

    geometry = GeometryField()
    colour = serializers.CharField()
    outcome = serializers.ChoiceField(choices=[str(value) for value in Outcome])


class PreviewSerializer(serializers.Serializer[Any]):
    """Expected report of an import, the classes of the file, and its shapes for an overlay.

    ``scale`` is a factor that would put most shapes on the tissue. ``counted`` shapes were read; with
    ``is_part`` the file holds more. ``shapes`` holds at most 3000.
    """

    upload = serializers.CharField()
    become = serializers.ChoiceField(choices=("annotations", "objects"))
    counted = serializers.IntegerField()
    is_part = serializers.BooleanField()
    unlabelled = serializers.IntegerField()
    may_create_labels = serializers.BooleanField()
    scale = serializers.FloatField(allow_null=True)
    classes = ClassSerializer(many=True)
    shapes = PreviewShapeSerializer(many=True)
    report = ImportedSerializer()


class SlidePartSerializer(serializers.Serializer[Any]):
    """The file of one slide in the export of a project, with its report or the reason for its refusal."""

    file = serializers.CharField()
    slide_id = serializers.UUIDField(source="slide.pk")
    slide_name = serializers.CharField(source="slide.name")
    matched_by = serializers.ChoiceField(choices=("content", "name"))
    becomes_objects = serializers.BooleanField()
    report = ImportedSerializer(allow_null=True)
    error = MessageSerializer(allow_null=True)


class LeftOutFileSerializer(serializers.Serializer[Any]):
    """A file of the export without a matching slide."""

    file = serializers.CharField()
    reason = MessageSerializer()


class ProjectImportedSerializer(serializers.Serializer[Any]):
    """Result of the import of a project's export, slide by slide, and the files without a slide."""

    slides = SlidePartSerializer(many=True)
    left_out = LeftOutFileSerializer(many=True)


class ProjectPreviewSerializer(ProjectImportedSerializer):
    """Expected result of the import, and the classes of all slides together."""

    upload = serializers.CharField()
    counted = serializers.IntegerField()
    unlabelled = serializers.IntegerField()
    may_create_labels = serializers.BooleanField()
    classes = ClassSerializer(many=True)
