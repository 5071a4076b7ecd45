"""Registrations of slides over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.authentication import actor_of
from server.jobs.api import JobSerializer
from server.slides import selectors
from server.slides.models import Registration
from server.slides.registration.services import remove_registration, set_landmarks, start_registration

MOST_LANDMARKS = 200


def _points() -> serializers.ListField:
    coordinate = serializers.FloatField(min_value=-1e7, max_value=1e7)
    point = serializers.ListField(child=coordinate, min_length=2, max_length=2)
    return serializers.ListField(child=point, max_length=MOST_LANDMARKS)


class LandmarksSerializer(serializers.Serializer[Any]):
    """Pairs of points in level-0 pixels, in the same order."""

    fixed = _points()
    moving = _points()


class NewRegistrationSerializer(serializers.Serializer[Any]):
    """The slide to register with this one."""

    moving_id = serializers.UUIDField()


class MatchQualitySerializer(serializers.Serializer[Any]):
    """Quality of the match of two slides."""

    inliers = serializers.IntegerField()
    share = serializers.FloatField()
    likeness = serializers.FloatField()
    dice = serializers.FloatField()


class RegistrationSerializer(serializers.ModelSerializer[Registration]):
    """Registration of two slides. ``matrix`` maps this one's pixels to the other's, without local shifts."""

    fixed_id = serializers.UUIDField(read_only=True)
    moving_id = serializers.UUIDField(read_only=True)
    moving_name = serializers.CharField(source="moving.name", read_only=True)
    job = JobSerializer(read_only=True, allow_null=True)
    matrix = serializers.SerializerMethodField()
    quality = serializers.SerializerMethodField()
    landmarks = LandmarksSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Registration
        fields = ("id", "fixed_id", "moving_id", "moving_name", "job", "matrix", "quality", "landmarks")

    def get_matrix(self, item: Registration) -> list[list[float]] | None:
        """Return three rows of three numbers; None until a map is computed."""
        matrix: list[list[float]] | None = item.document["matrix"] if item.document else None
        return matrix

    @extend_schema_field(MatchQualitySerializer(allow_null=True))
    def get_quality(self, item: Registration) -> Any:
        """Return the quality of the match; None for a map by landmarks and before one is computed."""
        return item.document["quality"] if item.document else None


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
