"""Viewing records over HTTP: consent, own views, and a recording of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.authentication import actor_of
from server.core.files.names import attachment_header
from server.slides.selectors import get_slide_for
from server.slides.viewing import dwell
from server.slides.viewing.serializers import (
    ConsentSerializer,
    DwellSerializer,
    NewViewsSerializer,
    RecordingSerializer,
    StoredSerializer,
)


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
