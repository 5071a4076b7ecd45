"""Annotations and finished regions over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import Q, QuerySet
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.authentication import actor_of
from server.annotations import selectors, services
from server.annotations.carried import carried_annotations
from server.annotations.checked import Change
from server.annotations.errors import StaleRevisionError
from server.annotations.in_view import InView, annotations_in_view, touching
from server.annotations.models import Annotation, Region, Revision
from server.annotations.serializers import (
    AnnotationChangesSerializer,
    AnnotationSerializer,
    BatchResultSerializer,
    BatchSerializer,
    CarriedAnnotationSerializer,
    InViewSerializer,
    NewAnnotationSerializer,
    NewRegionSerializer,
    RegionSerializer,
    RevisionSerializer,
    StaleBatchSerializer,
    ViewQuerySerializer,
    read_box,
)
from server.core.representation import represent, represent_all, validate
from server.slides.selectors import get_registration_for, get_slide_for


class AnnotationFilter(django_filters.FilterSet):
    """Filter of annotations; the four bounds select all that intersect a view."""

    min_x = django_filters.NumberFilter(field_name="max_x", lookup_expr="gte")
    min_y = django_filters.NumberFilter(field_name="max_y", lookup_expr="gte")
    max_x = django_filters.NumberFilter(field_name="min_x", lookup_expr="lte")
    max_y = django_filters.NumberFilter(field_name="min_y", lookup_expr="lte")
    bbox = django_filters.CharFilter(method="keep_touching", help_text="min_x,min_y,max_x,max_y at once.")
    label = django_filters.UUIDFilter(field_name="label_id")
    author = django_filters.UUIDFilter(field_name="author_id")
    ids = django_filters.CharFilter(method="keep_named", help_text="Ids, by commas.")
    search = django_filters.CharFilter(
        method="keep_found", help_text="Part of the label's name, the shape, the note or the author's name."
    )
    order = django_filters.ChoiceFilter(
        choices=(("oldest", "oldest"), ("newest", "newest"), ("largest", "largest")), method="put_in_order"
    )

    class Meta:
        model = Annotation
        fields = ("min_x", "min_y", "max_x", "max_y", "bbox", "label", "author", "ids", "search", "order")

    def keep_touching(self, rows: QuerySet[Annotation], _name: str, value: str) -> QuerySet[Annotation]:
        """Filter by intersection with a box."""
        try:
            return touching(rows, read_box(value))
        except serializers.ValidationError as error:
            raise serializers.ValidationError({"bbox": error.detail}) from error

    def keep_named(self, rows: QuerySet[Annotation], _name: str, value: str) -> QuerySet[Annotation]:
        """Filter by ids."""
        try:
            ids = [UUID(part) for part in value.split(",")]
        except ValueError as error:
            raise serializers.ValidationError({"ids": "Ids, separated by commas."}) from error
        return rows.filter(pk__in=ids)

    def keep_found(self, rows: QuerySet[Annotation], _name: str, value: str) -> QuerySet[Annotation]:
        """Filter by a text in label, shape, note or author."""
        return rows.filter(
            Q(label__name__icontains=value)
            | Q(shape__icontains=value)
            | Q(note__icontains=value)
            | Q(author__display_name__icontains=value)
        )

    def put_in_order(self, rows: QuerySet[Annotation], _name: str, value: str) -> QuerySet[Annotation]:
        """Order the list."""
        orders = {
            "oldest": ("created_at", "id"),
            "newest": ("-created_at", "-id"),
            "largest": ("-area_px", "-length_px", "id"),
        }
        return rows.order_by(*orders[value])


def _values(data: dict[str, Any]) -> dict[str, Any]:
    return {name: data[name] for name in services.EDITABLE if name in data}


def _apply(request: Request, slide: Any, changes: list[Change]) -> list[Annotation]:
    """Apply changes; a stale one is answered with the current versions and their authors."""
    try:
        return services.apply_changes(actor=actor_of(request), slide=slide, changes=changes)
    except StaleRevisionError as error:
        stale: list[Annotation] = error.extra["conflicts"]
        latest = selectors.latest_revisions(stale)
        error.extra["conflicts"] = [
            {
                "id": str(row.pk),
                "current": None if row.deleted_at else represent(AnnotationSerializer, row),
                "latest_revision": represent(RevisionSerializer, latest[row.pk]),
            }
            for row in stale
        ]
        if len(changes) == 1:
            error.extra["current"] = error.extra["conflicts"][0]["current"]
        raise


class AnnotationsView(GenericAPIView[Annotation]):
    """The annotations of a slide."""

    serializer_class = AnnotationSerializer
    filterset_class = AnnotationFilter
    queryset: QuerySet[Annotation] = Annotation.objects.none()

    @extend_schema(operation_id="list_annotations")
    def get(self, request: Request, slide_id: UUID) -> Response:
        """List the annotations of a slide in the order of their creation."""
        slide = get_slide_for(actor_of(request), slide_id)
        annotations = selectors.annotations_of(slide.pk)
        page = self.paginate_queryset(self.filter_queryset(annotations))
        return self.get_paginated_response(represent_all(AnnotationSerializer, page))

    @extend_schema(
        operation_id="create_annotation",
        request=NewAnnotationSerializer,
        responses={201: AnnotationSerializer},
    )
    def post(self, request: Request, slide_id: UUID) -> Response:
        """Create an annotation."""
        slide = get_slide_for(actor_of(request), slide_id)
        data = validate(NewAnnotationSerializer, request.data)
        [annotation] = _apply(request, slide, [Change("create", data["id"], None, _values(data))])
        return Response(represent(AnnotationSerializer, annotation), status=status.HTTP_201_CREATED)


class AnnotationsInViewView(APIView):
    """Annotations of a slide in one view."""

    @extend_schema(
        operation_id="annotations_in_view", parameters=[ViewQuerySerializer], responses=InViewSerializer
    )
    def get(self, request: Request, slide_id: UUID) -> Response:
        """Return all annotations that intersect the view, or the large ones with exact counts of the rest."""
        slide = get_slide_for(actor_of(request), slide_id)
        values = validate(ViewQuerySerializer, request.query_params)
        view: InView = annotations_in_view(slide.pk, values["bbox"], values["scale"])
        return Response(represent(InViewSerializer, view))


class AnnotationBatchView(APIView):
    """Several changes as one step."""

    @extend_schema(
        operation_id="apply_annotation_changes",
        request=BatchSerializer,
        responses={200: BatchResultSerializer, 409: StaleBatchSerializer},
    )
    def post(self, request: Request, slide_id: UUID) -> Response:
        """Apply all operations or none."""
        slide = get_slide_for(actor_of(request), slide_id)
        changes = [
            Change(item["op"], item["id"], item.get("revision"), _values(item))
            for item in validate(BatchSerializer, request.data)["changes"]
        ]
        touched = _apply(request, slide, changes)
        standing = [row for row in touched if row.deleted_at is None]
        return Response(
            {
                "annotations": represent_all(AnnotationSerializer, standing),
                "deleted": [str(row.pk) for row in touched if row.deleted_at is not None],
            }
        )


class AnnotationView(APIView):
    """One annotation."""

    @extend_schema(operation_id="get_annotation", responses=AnnotationSerializer)
    def get(self, request: Request, annotation_id: UUID) -> Response:
        """Return an annotation."""
        annotation = selectors.get_annotation_for(actor_of(request), annotation_id)
        return Response(represent(AnnotationSerializer, annotation))

    @extend_schema(
        operation_id="change_annotation",
        request=AnnotationChangesSerializer,
        responses=AnnotationSerializer,
    )
    def patch(self, request: Request, annotation_id: UUID) -> Response:
        """Change shape, label or note of an annotation."""
        annotation = selectors.get_annotation_for(actor_of(request), annotation_id, deleted=True)
        data = validate(AnnotationChangesSerializer, request.data)
        change = Change("update", annotation.pk, data["revision"], _values(data))
        [annotation] = _apply(request, annotation.slide, [change])
        return Response(represent(AnnotationSerializer, annotation))

    @extend_schema(
        operation_id="delete_annotation",
        parameters=[OpenApiParameter("revision", int, required=True)],
        responses={204: OpenApiResponse(description="It is gone; it can be restored.")},
    )
    def delete(self, request: Request, annotation_id: UUID) -> Response:
        """Delete an annotation; its revisions stay and it can be restored."""
        annotation = selectors.get_annotation_for(actor_of(request), annotation_id)
        form = AnnotationChangesSerializer(data={"revision": request.query_params.get("revision")})
        form.is_valid(raise_exception=True)
        change = Change("delete", annotation.pk, form.validated_data["revision"])
        _apply(request, annotation.slide, [change])
        return Response(status=status.HTTP_204_NO_CONTENT)


class RestoreAnnotationView(APIView):
    """Restoring of a deleted annotation."""

    @extend_schema(operation_id="restore_annotation", request=None, responses=AnnotationSerializer)
    def post(self, request: Request, annotation_id: UUID) -> Response:
        """Restore a deleted annotation."""
        annotation = selectors.get_annotation_for(actor_of(request), annotation_id, deleted=True)
        [annotation] = _apply(request, annotation.slide, [Change("restore", annotation.pk)])
        return Response(represent(AnnotationSerializer, annotation))


class RevisionsView(GenericAPIView[Revision]):
    """The history of an annotation."""

    serializer_class = RevisionSerializer

    @extend_schema(
        operation_id="list_revisions",
        parameters=[
            OpenApiParameter(
                "page",
                {"oneOf": [{"type": "integer"}, {"type": "string", "enum": ["last"]}]},
                description="A page number, or `last`.",
            )
        ],
    )
    def get(self, request: Request, annotation_id: UUID) -> Response:
        """List the revisions of an annotation."""
        annotation = selectors.get_annotation_for(actor_of(request), annotation_id, deleted=True)
        page = self.paginate_queryset(selectors.revisions_of(annotation))
        return self.get_paginated_response(RevisionSerializer(page, many=True).data)


class RegionsView(GenericAPIView[Region]):
    """The finished regions of a slide."""

    serializer_class = RegionSerializer

    @extend_schema(operation_id="list_regions")
    def get(self, request: Request, slide_id: UUID) -> Response:
        """List the finished regions of a slide."""
        slide = get_slide_for(actor_of(request), slide_id)
        page = self.paginate_queryset(selectors.regions_visible_to(actor_of(request)).filter(slide=slide))
        return self.get_paginated_response(RegionSerializer(page, many=True).data)

    @extend_schema(
        operation_id="declare_finished",
        request=NewRegionSerializer,
        responses={201: RegionSerializer},
    )
    def post(self, request: Request, slide_id: UUID) -> Response:
        """Declare an area finished."""
        slide = get_slide_for(actor_of(request), slide_id)
        form = NewRegionSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        region = services.declare_finished(
            actor=actor_of(request),
            slide=slide,
            region_id=form.validated_data["id"],
            geometry=form.validated_data["geometry"],
        )
        return Response(RegionSerializer(region).data, status=status.HTTP_201_CREATED)


class RegionView(APIView):
    """One finished region."""

    @extend_schema(operation_id="revoke_finished", responses={204: None})
    def delete(self, request: Request, region_id: UUID) -> Response:
        """Revoke a finished region."""
        region = selectors.get_region_for(actor_of(request), region_id)
        services.revoke_finished(actor=actor_of(request), region=region)
        return Response(status=status.HTTP_204_NO_CONTENT)


class CarriedAnnotationsView(APIView):
    """Transferred annotations of the other slide."""

    @extend_schema(operation_id="list_carried_annotations", responses=CarriedAnnotationSerializer(many=True))
    def get(self, request: Request, registration_id: UUID) -> Response:
        """List at most 5000 annotations of the other slide, transferred to this one."""
        registration = get_registration_for(actor_of(request), registration_id)
        rows = list(carried_annotations(actor_of(request), registration))
        return Response(CarriedAnnotationSerializer(rows, many=True).data)
