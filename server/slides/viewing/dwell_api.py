"""Viewing records over HTTP: consent, own views, and a recording of them."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.authentication import actor_of
from server.core.files.names import attachment_header
from server.slides import models as rows
from server.slides.selectors import get_slide_for
from server.slides.viewing import dwell

MOST_VIEWS: Final = 200
LONGEST_MS: Final = 3_600_000
_FAR: Final = 1e8


class ConsentSerializer(serializers.Serializer[Any]):
    """Date of the consent, null without one, and the number of stored views."""

    since = serializers.DateTimeField(allow_null=True)
    views = serializers.IntegerField()


class ViewedSerializer(serializers.ModelSerializer[rows.DwellView]):
    """A box in level-0 pixels, level-0 pixels per screen pixel, and its time on the screen."""

    x = serializers.FloatField(min_value=-_FAR, max_value=_FAR)
    y = serializers.FloatField(min_value=-_FAR, max_value=_FAR)
    width = serializers.FloatField(min_value=1e-3, max_value=_FAR)
    height = serializers.FloatField(min_value=1e-3, max_value=_FAR)
    scale = serializers.FloatField(min_value=1e-4, max_value=1e5)
    milliseconds = serializers.IntegerField(min_value=1, max_value=LONGEST_MS)

    class Meta:
        model = rows.DwellView
        fields = ("x", "y", "width", "height", "scale", "milliseconds")


class NewViewsSerializer(serializers.Serializer[Any]):
    """Views in chronological order."""

    views = serializers.ListField(child=ViewedSerializer(), min_length=1, max_length=MOST_VIEWS)


class StoredSerializer(serializers.Serializer[Any]):
    """Number of stored views."""

    stored = serializers.IntegerField()


class DwellSerializer(serializers.Serializer[Any]):
    """The user's own views of a slide."""

    views = ViewedSerializer(many=True)


class RecordingSerializer(serializers.Serializer[Any]):
    """A recording in the format of ``python -m ml run gaze``."""

    consent = serializers.BooleanField()
    kind = serializers.CharField()
    samples = serializers.ListField(child=serializers.DictField())


class DwellConsentView(APIView):
    """The actor's consent."""

    @extend_schema(operation_id="get_dwell_consent", responses=ConsentSerializer)
    def get(self, request: Request) -> Response:
        """Return the consent, and the number of stored views."""
        return Response(_consent(actor_of(request)))

    @extend_schema(operation_id="consent_to_dwell", request=None, responses=ConsentSerializer)
    def put(self, request: Request) -> Response:
        """Consent to the storage of views."""
        dwell.give_consent(actor=actor_of(request))
        return Response(_consent(actor_of(request)))

    @extend_schema(operation_id="withdraw_from_dwell", responses={204: None})
    def delete(self, request: Request) -> Response:
        """Withdraw the consent and delete all views."""
        dwell.withdraw_consent(actor=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


def _consent(user: Any) -> Any:
    consent = dwell.consent_of(user)
    consent_state = {"since": consent and consent.created_at, "views": dwell.views_of(user).count()}
    return ConsentSerializer(consent_state).data


class DwellView(APIView):
    """The actor's views of a slide."""

    @extend_schema(operation_id="get_dwell", responses=DwellSerializer)
    def get(self, request: Request, slide_id: UUID) -> Response:
        """Return the actor's own views of the slide."""
        slide = get_slide_for(actor_of(request), slide_id)
        views = dwell.views_of(actor_of(request)).filter(slide=slide)
        return Response(DwellSerializer({"views": views}).data)

    @extend_schema(operation_id="store_dwell", request=NewViewsSerializer, responses={201: StoredSerializer})
    def post(self, request: Request, slide_id: UUID) -> Response:
        """Store views; 403 ``no_dwell_consent`` without consent."""
        slide = get_slide_for(actor_of(request), slide_id)
        form = NewViewsSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        stored = dwell.store_views(actor=actor_of(request), slide=slide, views=form.validated_data["views"])
        return Response(StoredSerializer({"stored": stored}).data, status=status.HTTP_201_CREATED)


class DwellRecordingView(APIView):
    """The actor's views of a slide as a recording."""

    @extend_schema(operation_id="get_dwell_recording", responses=RecordingSerializer)
    def get(self, request: Request, slide_id: UUID) -> Response:
        """Return a file for ``python -m ml run gaze``; 403 ``no_dwell_consent`` without consent."""
        slide = get_slide_for(actor_of(request), slide_id)
        answer = Response(dwell.recording_of(actor_of(request), slide))
        answer["Content-Disposition"] = attachment_header(f"gaze {slide.name}", ".json")
        return answer
