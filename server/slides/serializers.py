"""Serializers of cases and slides."""

from __future__ import annotations

from typing import Any, Final, cast

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from server.audit.seen import SeenField
from server.core.geojson import GeometryField
from server.core.names import NameField
from server.core.schema import MessageSerializer
from server.slides.models import Case, Slide

# Wide enough for electron micrographs and for overviews of a whole glass.
FINEST_MPP: Final = 0.0001
COARSEST_MPP: Final = 1000.0


@extend_schema_field(
    {"type": "object", "additionalProperties": {"oneOf": [{"type": "number"}, {"type": "string"}]}}
)
class ClinicalField(serializers.DictField):
    """Numbers or words by the name of the clinical field."""


class CaseSerializer(serializers.ModelSerializer[Case]):
    """A case under its pseudonym, with clinical fields and follow-up."""

    clinical = ClinicalField(read_only=True)

    class Meta:
        model = Case
        fields = ("id", "pseudonym", "clinical", "months", "event")


class CaseFactsSerializer(serializers.Serializer[Any]):
    """Clinical fields (numbers or words by name) and follow-up; omitted values are unknown."""

    clinical = ClinicalField(child=serializers.JSONField())
    months = serializers.FloatField(min_value=0, max_value=2000, allow_null=True, default=None)
    event = serializers.BooleanField(allow_null=True, default=None)


class CaseChangesSerializer(CaseFactsSerializer):
    """New facts of a case, and the version that the change starts from."""

    seen = CaseFactsSerializer(required=False)


class SlideCountsSerializer(serializers.Serializer[Any]):
    """Numbers of annotations, regions and suggestions on a slide."""

    annotations = serializers.IntegerField()
    regions = serializers.IntegerField()
    suggestions = serializers.IntegerField()
    suggestions_open = serializers.IntegerField()


class FileImageSerializer(serializers.Serializer[Any]):
    """One image of a file that may be the slide, its size in pixels as stored."""

    index = serializers.IntegerField(min_value=0)
    name = serializers.CharField(allow_blank=True)
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    level_count = serializers.IntegerField()


class ImageChoiceSerializer(serializers.Serializer[Any]):
    """The image that is the slide, by its index."""

    image = serializers.IntegerField(min_value=0)


class SlideSerializer(serializers.ModelSerializer[Slide]):
    """A slide as users see it, without any of the file's header text."""

    project_id = serializers.UUIDField(read_only=True)
    label_id = serializers.UUIDField(read_only=True, allow_null=True)
    case = CaseSerializer(read_only=True)
    mpp_x = serializers.FloatField(
        allow_null=True, read_only=True, help_text="Width of a level-0 pixel in µm; null where unknown."
    )
    mpp_y = serializers.FloatField(
        allow_null=True, read_only=True, help_text="Height of a level-0 pixel in µm; null where unknown."
    )
    file_mpp_x = serializers.FloatField(allow_null=True, read_only=True, help_text="As the file states it.")
    file_mpp_y = serializers.FloatField(allow_null=True, read_only=True, help_text="As the file states it.")
    failure = MessageSerializer(read_only=True, allow_null=True)
    resolution_notes = MessageSerializer(many=True, read_only=True)
    images = FileImageSerializer(
        many=True, read_only=True, help_text="Of a file with several images: those that may be the slide."
    )
    counts = serializers.SerializerMethodField()
    thumbnail = serializers.SerializerMethodField()

    class Meta:
        model = Slide
        fields = (
            "id",
            "project_id",
            "name",
            "case",
            "label_id",
            "state",
            "progress_state",
            "failure",
            "failure_code",
            "images",
            "import_job_id",
            "sha256",
            "size_bytes",
            "format",
            "width",
            "height",
            "level_count",
            "mpp_x",
            "mpp_y",
            "resolution_source",
            "file_mpp_x",
            "file_mpp_y",
            "resolution_notes",
            "magnification",
            "magnification_source",
            "tissue_fraction",
            "focus_score",
            "pen_score",
            "created_at",
            "counts",
            "thumbnail",
        )

    def get_counts(self, slide: Slide) -> SlideCountsSerializer:
        """Return the numbers that the selector annotated."""
        counted = ("annotations", "regions", "suggestions")
        numbers: Any = {name: getattr(slide, f"{name}_count", 0) for name in counted}
        numbers["suggestions_open"] = numbers["suggestions"] - getattr(slide, "decided_count", 0)
        return cast("SlideCountsSerializer", numbers)

    def get_thumbnail(self, slide: Slide) -> str | None:
        """Return the URL of the thumbnail."""
        ready = slide.state == Slide.State.READY
        return f"/api/v1/slides/{slide.pk}/thumbnail.jpg" if ready else None


class ResolutionSerializer(serializers.Serializer[Any]):
    """µm per level-0 pixel along both axes."""

    x = serializers.FloatField(min_value=FINEST_MPP, max_value=COARSEST_MPP)
    y = serializers.FloatField(min_value=FINEST_MPP, max_value=COARSEST_MPP)


class SlideChangesSerializer(serializers.Serializer[Any]):
    """Changes of a slide."""

    name = NameField(max_length=255, required=False)
    case = NameField(max_length=100, required=False)
    label_id = serializers.UUIDField(required=False, allow_null=True, help_text="What the slide is.")
    resolution = ResolutionSerializer(
        required=False, allow_null=True, help_text="Null reverts to what the file states."
    )
    progress_state = serializers.ChoiceField(choices=Slide.ProgressState.choices, required=False)
    seen = SeenField()


class FolderSerializer(serializers.Serializer[Any]):
    """The client's name for one folder drop."""

    folder = serializers.CharField(max_length=64)


class RefusedFileSerializer(serializers.Serializer[Any]):
    """A file that is no slide, with the reason."""

    name = serializers.CharField()
    why = MessageSerializer()


class FolderResultSerializer(serializers.Serializer[Any]):
    """The slides of a folder."""

    slides = SlideSerializer(many=True)
    refused = RefusedFileSerializer(many=True)


class LevelSerializer(serializers.Serializer[Any]):
    """One level of the tile pyramid."""

    z = serializers.IntegerField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()


class GrantSerializer(serializers.Serializer[Any]):
    """Permission to fetch pixels, and its expiry."""

    grant = serializers.CharField()
    expires_at = serializers.DateTimeField()


class ChannelSerializer(serializers.Serializer[Any]):
    """One channel of a fluorescence or near-infrared slide, and its initial display."""

    name = serializers.CharField()
    colour = serializers.CharField(help_text="rrggbb")
    bits = serializers.IntegerField()
    low = serializers.IntegerField(help_text="The value shown as black.")
    high = serializers.IntegerField(help_text="The value shown at full strength.")
    top = serializers.IntegerField(help_text="The brightest value that the import met.")
    visible = serializers.BooleanField()


class StackSerializer(serializers.Serializer[Any]):
    """Numbers of focal planes and time points of a slide, and the shown ones, from 0."""

    planes = serializers.IntegerField()
    plane = serializers.IntegerField(help_text="The plane shown unless another is chosen.")
    times = serializers.IntegerField()
    time = serializers.IntegerField(help_text="The time point shown.")
    is_selectable = serializers.BooleanField(help_text="Add &plane= to an address to choose another plane.")
    paths = serializers.IntegerField(
        help_text="Colour images by different optical paths; the first is shown."
    )


class ViewerSerializer(GrantSerializer):
    """All data that a viewer needs to show a slide."""

    slide = SlideSerializer()
    tile_size = serializers.IntegerField()
    levels = LevelSerializer(many=True)
    tiles = serializers.CharField(help_text="Address of a tile, with {z}, {x} and {y} to fill in.")
    colour_profile = serializers.ChoiceField(choices=Slide.ColourProfile.choices)
    channels = ChannelSerializer(
        many=True, help_text="Add &channels=index:rrggbb:low:high,... to an address to choose."
    )
    stack = StackSerializer()
    region = serializers.CharField(help_text="Add &x=&y=&width=&height=&size= for a crop.")


class TissueSerializer(serializers.Serializer[Any]):
    """Outline of the tissue."""

    geometry = GeometryField(allow_null=True)
