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

from server.accounts.authentication import actor_of
from server.annotations.services import EDITABLE
from server.core.representation import represent, represent_all, validate
from server.objects.selectors import get_object_set_for
from server.projects.selectors import get_label, get_project_for
from server.review import queue, selectors, services
from server.review.models import Verdict
from server.review.object_selection import ObjectFilter
from server.review.serializers import (
    MOST_ON_A_PAGE,
    AlreadyDecidedSerializer,
    CountSerializer,
    GivenVerdictSerializer,
    NewVerdictSerializer,
    ObjectNameSerializer,
    QueueItemSerializer,
    QueueQuerySerializer,
    QueueSerializer,
    RedrawnSerializer,
    RedrawSerializer,
    SuggestionSerializer,
    SuggestionsSerializer,
    UndoSerializer,
    VerdictSerializer,
)

MOST_TOLD = 50


def _sent_once(asked: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a service from the values of a SentOnceSerializer."""
    seen = asked["seen_version"] if asked["replace"] else None
    return {"verdict_id": asked.get("id"), "replaces": seen}


class QueueView(APIView):
    """The open suggestions of a project."""

    @extend_schema(operation_id="review_queue", parameters=[QueueQuerySerializer], responses=QueueSerializer)
    def get(self, request: Request, project_id: UUID) -> Response:
        """List the open suggestions, the most uncertain first."""
        project = get_project_for(actor_of(request), project_id)
        values = validate(QueueQuerySerializer, request.query_params)
        page = queue.review_queue(
            actor=actor_of(request),
            project=project,
            order=values["order"],
            slide_id=values.get("slide"),
            object_filter=ObjectFilter.from_json(values),
            include_skipped=values["include_skipped"],
            limit=values["limit"],
            after=values.get("after"),
        )
        body = represent_all(QueueItemSerializer, page.items)
        return Response({"count": page.count, "next": page.after, "versions": page.versions, "results": body})


class SuggestionsView(APIView):
    """Objects of a set by number."""

    @extend_schema(
        operation_id="list_suggestions",
        parameters=[OpenApiParameter("indices", str, required=True, description="Numbers, by commas.")],
        responses=SuggestionsSerializer,
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
        responses={201: GivenVerdictSerializer, 200: CountSerializer, 409: AlreadyDecidedSerializer},
    )
    def post(self, request: Request, set_id: UUID) -> Response:
        """Accept, reject or relabel suggestions."""
        object_set = get_object_set_for(actor_of(request), set_id)
        asked = validate(NewVerdictSerializer, request.data)
        object_filter = ObjectFilter.from_json(asked["filter"]) if "filter" in asked else None
        if request.query_params.get("dry_run") == "true" and object_filter is not None:
            count = services.count_concerned(
                actor=actor_of(request), object_set=object_set, object_filter=object_filter
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
            object_filter=object_filter,
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
        return self._change(request, request.data, services.skip_suggestion)

    @extend_schema(operation_id="unskip_suggestion", parameters=[ObjectNameSerializer], responses={204: None})
    def delete(self, request: Request) -> Response:
        """Return a skipped suggestion to the queue."""
        return self._change(request, request.query_params, services.unskip_suggestion)

    def _change(self, request: Request, name: Any, change: Any) -> Response:
        form = ObjectNameSerializer(data=name)
        form.is_valid(raise_exception=True)
        object_set = get_object_set_for(actor_of(request), form.validated_data["object_set_id"])
        change(actor=actor_of(request), object_set=object_set, index=form.validated_data["index"])
        return Response(status=status.HTTP_204_NO_CONTENT)
