"""Suggestions, verdicts and the review queue over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.api import UserSerializer
from server.accounts.authentication import actor_of
from server.annotations.api import AnnotationSerializer, GeometryField, NewAnnotationSerializer
from server.annotations.services import EDITABLE
from server.core.representation import represent, represent_all, validate
from server.objects.selectors import get_object_set_for
from server.projects.selectors import get_label, get_project_for
from server.review import queue, selectors, services
from server.review.models import Verdict
from server.review.selectors import Suggestion
from server.slides.models import Slide
from server.slides.tiles.grants import issue_grant, region_address

MOST_INDICES = 10_000
MOST_ON_A_PAGE = 200
MOST_TOLD = 50
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
    within = GeometryField(required=False)

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


def _sent_once(asked: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a service from the values of a SentOnceSerializer."""
    seen = asked["seen_version"] if asked["replace"] else None
    return {"verdict_id": asked.get("id"), "replaces": seen}


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


class QueueView(APIView):
    """The open suggestions of a project."""

    @extend_schema(operation_id="review_queue", parameters=[QueueQuerySerializer], responses=QueueSerializer)
    def get(self, request: Request, project_id: UUID) -> Response:
        """List the open suggestions, the most uncertain first."""
        project = get_project_for(actor_of(request), project_id)
        form = QueueQuerySerializer(data=request.query_params)
        form.is_valid(raise_exception=True)
        asked = dict(form.validated_data)
        page = queue.review_queue(
            actor=actor_of(request),
            project=project,
            order=asked.pop("order"),
            include_skipped=asked.pop("include_skipped"),
            limit=asked.pop("limit"),
            after=asked.pop("after", None),
            conditions=asked,
        )
        body = represent_all(QueueItemSerializer, page.items)
        return Response({"count": page.count, "next": page.after, "versions": page.versions, "results": body})


class SuggestionsView(APIView):
    """Objects of a set by number."""

    @extend_schema(
        operation_id="list_suggestions",
        parameters=[OpenApiParameter("indices", str, required=True, description="Numbers, by commas.")],
        responses=SuggestionSerializer(many=True),
    )
    def get(self, request: Request, set_id: UUID) -> Response:
        """Return objects in the requested order."""
        object_set = get_object_set_for(actor_of(request), set_id)
        parts = [part for part in request.query_params.get("indices", "").split(",") if part]
        if len(parts) > MOST_ON_A_PAGE or not all(part.isascii() and part.isdigit() for part in parts):
            message = f"At most {MOST_ON_A_PAGE} numbers, separated by commas."
            raise serializers.ValidationError({"indices": message})
        suggestions = selectors.suggestions(object_set, [int(part) for part in parts])
        return Response({"results": represent_all(SuggestionSerializer, suggestions)})


class SuggestionAtView(APIView):
    """The object at a place."""

    @extend_schema(
        operation_id="suggestion_at",
        parameters=[OpenApiParameter("x", float, required=True), OpenApiParameter("y", float, required=True)],
        responses=SuggestionSerializer,
    )
    def get(self, request: Request, set_id: UUID) -> Response:
        """Return the smallest object that covers the point."""
        object_set = get_object_set_for(actor_of(request), set_id)
        place = {}
        for name in ("x", "y"):
            field = serializers.FloatField()
            place[name] = field.run_validation(request.query_params.get(name))
        suggestion = selectors.suggestion_at(object_set, place["x"], place["y"])
        return Response(represent(SuggestionSerializer, suggestion))


class VerdictsView(GenericAPIView[Verdict]):
    """The verdicts on a set."""

    serializer_class = VerdictSerializer

    @extend_schema(operation_id="list_verdicts")
    def get(self, request: Request, set_id: UUID) -> Response:
        """List the verdicts on a set in order."""
        object_set = get_object_set_for(actor_of(request), set_id)
        rows = selectors.verdicts_visible_to(actor_of(request)).filter(object_set=object_set)
        return self.get_paginated_response(represent_all(VerdictSerializer, self.paginate_queryset(rows)))

    @extend_schema(
        operation_id="give_verdict",
        request=NewVerdictSerializer,
        parameters=[OpenApiParameter("dry_run", bool, description="Only count what a filter chooses.")],
        responses={201: GivenVerdictSerializer, 200: CountSerializer},
    )
    def post(self, request: Request, set_id: UUID) -> Response:
        """Accept, reject or relabel suggestions."""
        object_set = get_object_set_for(actor_of(request), set_id)
        asked = validate(NewVerdictSerializer, request.data)
        if request.query_params.get("dry_run") == "true" and "filter" in asked:
            count = services.count_concerned(
                actor=actor_of(request), object_set=object_set, conditions=asked["filter"]
            )
            return Response({"count": count})
        label_id = asked.get("label_id")
        verdict = services.give_verdict(
            actor=actor_of(request),
            object_set=object_set,
            kind=asked["kind"],
            label=get_label(object_set.slide.project, label_id) if label_id else None,
            reason=asked.get("reason", ""),
            comment=asked.get("comment", ""),
            indices=asked.get("indices"),
            conditions=asked.get("filter"),
            **_sent_once(asked),
        )
        seen = asked.get("seen_version", verdict.sequence)
        verdict.meanwhile = selectors.verdicts_between(object_set, seen, verdict, MOST_TOLD)  # type: ignore[attr-defined]
        return Response(represent(GivenVerdictSerializer, verdict), status=status.HTTP_201_CREATED)


class RedrawView(APIView):
    """Correction of a suggestion's shape."""

    @extend_schema(
        operation_id="redraw_suggestion", request=RedrawSerializer, responses={201: RedrawnSerializer}
    )
    def post(self, request: Request, set_id: UUID) -> Response:
        """Create an annotation whose parent is the suggestion."""
        object_set = get_object_set_for(actor_of(request), set_id)
        asked = validate(RedrawSerializer, request.data)
        drawn = asked["annotation"]
        verdict, annotation = services.redraw_suggestion(
            actor=actor_of(request),
            object_set=object_set,
            index=asked["index"],
            annotation_id=drawn["id"],
            values={name: drawn[name] for name in EDITABLE if name in drawn},
            **_sent_once(asked),
        )
        body = represent(RedrawnSerializer, {"verdict": verdict, "annotation": annotation})
        return Response(body, status=status.HTTP_201_CREATED)


class UndoVerdictView(APIView):
    """Undoing of a verdict."""

    @extend_schema(operation_id="undo_verdict", request=UndoSerializer, responses={201: VerdictSerializer})
    def post(self, request: Request, verdict_id: UUID) -> Response:
        """Undo a verdict, by another verdict."""
        verdict = selectors.get_verdict_for(actor_of(request), verdict_id)
        form = UndoSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        undoing = services.undo_verdict(
            actor=actor_of(request), verdict=verdict, undoing_id=form.validated_data.get("id")
        )
        return Response(represent(VerdictSerializer, undoing), status=status.HTTP_201_CREATED)


class HistoryView(APIView):
    """All verdicts on one object."""

    @extend_schema(operation_id="suggestion_history", responses=VerdictSerializer(many=True))
    def get(self, request: Request, set_id: UUID, index: int) -> Response:
        """List the verdicts on an object."""
        object_set = get_object_set_for(actor_of(request), set_id)
        rows = selectors.history_of(actor_of(request), object_set, index)
        return Response(VerdictSerializer(rows, many=True).data)


class SkipView(APIView):
    """Skipping of a suggestion."""

    @extend_schema(operation_id="skip_suggestion", request=ObjectNameSerializer, responses={204: None})
    def post(self, request: Request) -> Response:
        """Skip a suggestion, for this reviewer."""
        return self._change(request, services.skip_suggestion)

    @extend_schema(operation_id="unskip_suggestion", request=ObjectNameSerializer, responses={204: None})
    def delete(self, request: Request) -> Response:
        """Return a skipped suggestion to the queue."""
        return self._change(request, services.unskip_suggestion)

    def _change(self, request: Request, change: Any) -> Response:
        form = ObjectNameSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        object_set = get_object_set_for(actor_of(request), form.validated_data["object_set_id"])
        change(actor=actor_of(request), object_set=object_set, index=form.validated_data["index"])
        return Response(status=status.HTTP_204_NO_CONTENT)
