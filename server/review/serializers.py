"""Serializers of suggestions, the queue and verdicts."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from server.accounts.serializers import UserSerializer
from server.annotations.serializers import AnnotationSerializer, NewAnnotationSerializer
from server.core.geojson import AreaField, GeometryField
from server.core.schema import ProblemSerializer
from server.review import queue
from server.review.models import Verdict
from server.review.selectors import Suggestion
from server.slides.models import Slide
from server.slides.tiles.grants import issue_grant, region_address

MOST_INDICES = 10_000
MOST_ON_A_PAGE = 200
CROP_SIDE = 224
# A crop shows this much more than the suggestion, so that a person sees where it lies.
CROP_MARGIN = 0.35


class BoundsSerializer(serializers.Serializer[Any]):
    """A box in level-0 pixels."""

    x = serializers.FloatField()
    y = serializers.FloatField()
    width = serializers.FloatField()
    height = serializers.FloatField()


class SuggestionSerializer(serializers.Serializer[Any]):
    """One object of a set with its verdict."""

    object_set_id = serializers.UUIDField(source="object_set.pk")
    index = serializers.IntegerField()
    label_id = serializers.UUIDField(allow_null=True)
    score = serializers.FloatField(allow_null=True, help_text="Null: the file has none.")
    uncertainty = serializers.FloatField()
    x = serializers.FloatField()
    y = serializers.FloatField()
    bounds = BoundsSerializer()
    geometry = GeometryField()
    state = serializers.ChoiceField(choices=("open", "accepted", "rejected", "relabelled", "redrawn"))
    current_label_id = serializers.UUIDField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)


class SuggestionsSerializer(serializers.Serializer[Any]):
    """Objects of a set in the requested order."""

    results = SuggestionSerializer(many=True)


class QueueSlideSerializer(serializers.Serializer[Any]):
    """The slide of a suggestion."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    mpp_x = serializers.FloatField(allow_null=True)
    mpp_y = serializers.FloatField(allow_null=True)
    resolution_source = serializers.ChoiceField(choices=Slide.ScaleSource.choices)
    magnification = serializers.FloatField(allow_null=True)
    magnification_source = serializers.ChoiceField(choices=Slide.ScaleSource.choices)


class ProducerSerializer(serializers.Serializer[Any]):
    """The producer of a suggestion."""

    id = serializers.UUIDField(source="producer_id", allow_null=True)
    name = serializers.CharField(source="producer_name")


class QueueItemSerializer(SuggestionSerializer):
    """A suggestion in the queue, with all data for its review."""

    slide = QueueSlideSerializer(source="object_set.slide")
    model_version = ProducerSerializer(source="object_set")
    crop = serializers.SerializerMethodField()

    def get_crop(self, item: Suggestion) -> str:
        """Return the URL of a picture of the suggestion with its surroundings."""
        slide = item.object_set.slide
        side = max(item.bounds["width"], item.bounds["height"], 32) * (1 + 2 * CROP_MARGIN)
        width, height = min(round(side), slide.width), min(round(side), slide.height)
        centre_x = item.bounds["x"] + item.bounds["width"] / 2
        centre_y = item.bounds["y"] + item.bounds["height"] / 2
        x = min(max(round(centre_x - width / 2), 0), slide.width - width)
        y = min(max(round(centre_y - height / 2), 0), slide.height - height)
        address = region_address(slide.sha256, issue_grant(slide.sha256)[0])
        return f"{address}&x={x}&y={y}&width={width}&height={height}&size={CROP_SIDE}"


class QueueSerializer(serializers.Serializer[Any]):
    """A page of the queue. ``next`` goes into ``after``, ``versions`` (by set) into ``seen_version``."""

    count = serializers.IntegerField()
    next = serializers.CharField(allow_null=True)
    versions = serializers.DictField(child=serializers.IntegerField())
    results = QueueItemSerializer(many=True)


class QueueQuerySerializer(serializers.Serializer[Any]):
    """Filters of the queue."""

    order = serializers.ChoiceField(choices=queue.ORDERS, default="uncertainty")
    label = serializers.UUIDField(required=False)  # type: ignore[assignment]
    slide = serializers.UUIDField(required=False)
    min_score = serializers.FloatField(required=False)
    max_score = serializers.FloatField(required=False)
    min_uncertainty = serializers.FloatField(required=False)
    max_uncertainty = serializers.FloatField(required=False)
    min_area = serializers.FloatField(required=False)
    max_area = serializers.FloatField(required=False)
    include_skipped = serializers.BooleanField(default=False)
    limit = serializers.IntegerField(min_value=1, max_value=MOST_ON_A_PAGE, default=50)
    after = serializers.CharField(required=False, allow_blank=True, max_length=500)


class VerdictSerializer(serializers.ModelSerializer[Verdict]):
    """A reviewer's verdict on some suggestions."""

    object_set_id = serializers.UUIDField(read_only=True)
    label_id = serializers.UUIDField(read_only=True, allow_null=True)
    annotation_id = serializers.UUIDField(read_only=True, allow_null=True)
    undoes = serializers.UUIDField(source="undoes_id", read_only=True, allow_null=True)
    reviewer = UserSerializer(read_only=True)

    class Meta:
        model = Verdict
        fields = (
            "id",
            "object_set_id",
            "sequence",
            "kind",
            "label_id",
            "reason",
            "comment",
            "count",
            "first_index",
            "reviewer",
            "created_at",
            "annotation_id",
            "undoes",
        )


class EarlierVerdictSerializer(serializers.Serializer[Any]):
    """The verdict of another user on an object, by the user's name."""

    object_set_id = serializers.UUIDField()
    index = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=("accepted", "rejected", "relabelled", "redrawn"))
    label_id = serializers.UUIDField(allow_null=True)
    reviewer = serializers.CharField()


class AlreadyDecidedSerializer(ProblemSerializer):
    """The refusal of a verdict on decided objects; ``version`` is the state of the set with all of them."""

    decided = EarlierVerdictSerializer(many=True, required=False)
    version = serializers.IntegerField(required=False)


class GivenVerdictSerializer(VerdictSerializer):
    """A new verdict, and the verdicts of others since the state that its author had seen."""

    meanwhile = VerdictSerializer(many=True, read_only=True)

    class Meta(VerdictSerializer.Meta):
        fields = (*VerdictSerializer.Meta.fields, "meanwhile")  # type: ignore[assignment]


class ChoiceOfObjectsSerializer(serializers.Serializer[Any]):
    """Conditions that all must hold."""

    label = serializers.UUIDField(required=False)  # type: ignore[assignment]
    without_labels = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=500)
    min_score = serializers.FloatField(required=False)
    max_score = serializers.FloatField(required=False)
    min_uncertainty = serializers.FloatField(required=False)
    max_uncertainty = serializers.FloatField(required=False)
    min_area = serializers.FloatField(required=False)
    max_area = serializers.FloatField(required=False)
    within = AreaField(required=False)

    def to_internal_value(self, data: Any) -> Any:
        """Raise for an unknown condition: ignored, it would make a verdict concern all objects."""
        unknown = sorted(set(data) - set(self.fields)) if isinstance(data, dict) else []
        if unknown:
            message = f"There is no such condition; there are {', '.join(self.fields)}."
            raise serializers.ValidationError({name: [message] for name in unknown})
        return super().to_internal_value(data)


class SentOnceSerializer(serializers.Serializer[Any]):
    """Fields that make a verdict safe to repeat, and safe beside those of others.

    ``id`` is chosen by the sender: a second request with the same one changes nothing.
    ``seen_version`` is the state of the set that the reviewer has seen. ``replace`` needs it: what
    others said later is not replaced.
    """

    id = serializers.UUIDField(required=False)
    replace = serializers.BooleanField(default=False)
    seen_version = serializers.IntegerField(required=False, min_value=0)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Require the version when ``replace`` is set."""
        if attrs["replace"] and "seen_version" not in attrs:
            message = "Say which version you have seen, to replace what was said until then."
            raise serializers.ValidationError({"seen_version": message})
        return attrs


class NewVerdictSerializer(SentOnceSerializer):
    """A verdict on objects by number, or on all open ones of a filter."""

    kind = serializers.ChoiceField(choices=("accepted", "rejected", "relabelled"))
    label_id = serializers.UUIDField(required=False, allow_null=True)
    reason = serializers.ChoiceField(choices=Verdict.Reason.choices, required=False, allow_blank=True)
    comment = serializers.CharField(required=False, allow_blank=True, max_length=5000)
    indices = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=2**32 - 1),
        required=False,
        max_length=MOST_INDICES,
    )
    filter = ChoiceOfObjectsSerializer(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Require either numbers or a filter."""
        attrs = super().validate(attrs)
        if ("indices" in attrs) == ("filter" in attrs):
            message = "Give either indices or a filter."
            raise serializers.ValidationError({"indices": message})
        return attrs


class CountSerializer(serializers.Serializer[Any]):
    """A number of objects."""

    count = serializers.IntegerField()


class RedrawSerializer(SentOnceSerializer):
    """The number of the suggestion, and the annotation that replaces it."""

    index = serializers.IntegerField(min_value=0)
    annotation = NewAnnotationSerializer()


class UndoSerializer(serializers.Serializer[Any]):
    """``id`` of the undoing, chosen by the client: repeated, it has no effect."""

    id = serializers.UUIDField(required=False)


class RedrawnSerializer(serializers.Serializer[Any]):
    """The verdict and the annotation."""

    verdict = VerdictSerializer()
    annotation = AnnotationSerializer()


class ObjectNameSerializer(serializers.Serializer[Any]):
    """One object of one set."""

    object_set_id = serializers.UUIDField()
    index = serializers.IntegerField(min_value=0)
