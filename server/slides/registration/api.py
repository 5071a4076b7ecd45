"""Registrations of slides over HTTP."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.authentication import actor_of
from server.slides import selectors
from server.slides.registration.serializers import (
    LandmarksSerializer,
    NewRegistrationSerializer,
    RegistrationSerializer,
)
from server.slides.registration.services import remove_registration, set_landmarks, start_registration


class RegistrationsView(APIView):
    """Registrations with a slide."""

    @extend_schema(operation_id="list_registrations", responses=RegistrationSerializer(many=True))
    def get(self, request: Request, slide_id: UUID) -> Response:
        """List the slides registered with this one."""
        slide = selectors.get_slide_for(actor_of(request), slide_id)
        rows = selectors.registrations_visible_to(actor_of(request)).filter(fixed=slide)
        return Response(RegistrationSerializer(rows, many=True, context={"request": request}).data)

    @extend_schema(
        operation_id="register_slides",
        request=NewRegistrationSerializer,
        responses={202: RegistrationSerializer},
    )
    def post(self, request: Request, slide_id: UUID) -> Response:
        """Register another slide with this one."""
        fixed = selectors.get_slide_for(actor_of(request), slide_id)
        form = NewRegistrationSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        moving = selectors.get_slide_for(actor_of(request), form.validated_data["moving_id"])
        registration = start_registration(actor=actor_of(request), fixed=fixed, moving=moving)
        body = RegistrationSerializer(registration, context={"request": request}).data
        return Response(body, status=status.HTTP_202_ACCEPTED)


class RegistrationView(APIView):
    """Registration of one slide with another."""

    @extend_schema(
        operation_id="set_landmarks", request=LandmarksSerializer, responses=RegistrationSerializer
    )
    def put(self, request: Request, registration_id: UUID) -> Response:
        """Set the registration by landmarks."""
        registration = selectors.get_registration_for(actor_of(request), registration_id)
        form = LandmarksSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        changed = set_landmarks(actor=actor_of(request), registration=registration, **form.validated_data)
        return Response(RegistrationSerializer(changed, context={"request": request}).data)

    @extend_schema(operation_id="unregister_slides", responses={204: None})
    def delete(self, request: Request, registration_id: UUID) -> Response:
        """Delete the registration."""
        registration = selectors.get_registration_for(actor_of(request), registration_id)
        remove_registration(actor=actor_of(request), registration=registration)
        return Response(status=status.HTTP_204_NO_CONTENT)
