"""Slides over HTTP."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.authentication import actor_of
from server.core.errors import NotVisibleError
from server.core.files.storage import storage_path
from server.core.representation import represent, represent_all
from server.core.searching import search_text
from server.projects.selectors import get_project_for
from server.slides import selectors, services
from server.slides.cases.diagnosis import CaseFacts, describe_case
from server.slides.cases.services import SlideChanges, change_slide
from server.slides.imports.image_choice import choose_image
from server.slides.imports.manifest import THUMBNAIL_NAME, slide_key, stack_of
from server.slides.models import Case, Slide
from server.slides.quality.services import ARTEFACTS, MARRED
from server.slides.serializers import (
    CaseChangesSerializer,
    CaseSerializer,
    FolderResultSerializer,
    FolderSerializer,
    GrantSerializer,
    ImageChoiceSerializer,
    SlideChangesSerializer,
    SlideSerializer,
    TissueSerializer,
    ViewerSerializer,
)
from server.slides.tiles.grants import issue_grant, region_address
from server.slides.tiles.pyramid import Pyramid
from server.slides.uploads.services import finish_folder


class SlideFilter(django_filters.FilterSet):
    """Filter and order of slides."""

    search = django_filters.CharFilter(field_name="name", lookup_expr="icontains")
    state = django_filters.MultipleChoiceFilter(choices=Slide.State.choices)
    progress_state = django_filters.MultipleChoiceFilter(choices=Slide.ProgressState.choices)
    case = django_filters.CharFilter(field_name="case__pseudonym", lookup_expr="icontains")
    ordering = django_filters.OrderingFilter(
        fields=(
            ("name", "name"),
            ("created_at", "created_at"),
            ("case__pseudonym", "case"),
            ("progress_state", "progress_state"),
        )
    )
    # Last, so that its order, the worst first, stands.
    artefact = django_filters.ChoiceFilter(
        choices=[(name, name) for name in ARTEFACTS],
        method="keep_marred",
        help_text="Slides of which a mapped share of at least 2 % has it, the worst first.",
    )

    class Meta:
        model = Slide
        fields = ("search", "state", "progress_state", "case")

    def keep_marred(self, slides: QuerySet[Slide], _name: str, artefact: str) -> QuerySet[Slide]:
        """Filter slides with much of an artefact."""
        share = f"quality__{artefact}"
        return slides.filter(**{f"{share}__gte": MARRED}).order_by(f"-{share}", "name", "id")


class SlidesView(GenericAPIView[Slide]):
    """The slides of a project."""

    serializer_class = SlideSerializer
    filterset_class = SlideFilter
    queryset = Slide.objects.none()

    @extend_schema(operation_id="list_slides")
    def get(self, request: Request, project_id: UUID) -> Response:
        """List the slides by name."""
        project = get_project_for(actor_of(request), project_id)
        # The filters and the pages take a list whose statement is prepared as they take a queryset.
        rows: Any = selectors.list_slides_of(project)
        page = self.paginate_queryset(self.filter_queryset(rows))
        return self.get_paginated_response(represent_all(SlideSerializer, page))


class SlideView(APIView):
    """One slide."""

    @extend_schema(operation_id="get_slide", responses=SlideSerializer)
    def get(self, request: Request, slide_id: UUID) -> Response:
        """Return a slide."""
        return Response(
            represent(SlideSerializer, selectors.get_counted_slide_for(actor_of(request), slide_id))
        )

    @extend_schema(operation_id="change_slide", request=SlideChangesSerializer, responses=SlideSerializer)
    def patch(self, request: Request, slide_id: UUID) -> Response:
        """Change name, case, resolution, diagnosis or progress."""
        slide = selectors.get_slide_for(actor_of(request), slide_id)
        form = SlideChangesSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        changes = SlideChanges.from_json(form.validated_data)
        change_slide(actor=actor_of(request), slide=slide, changes=changes)
        return Response(
            represent(SlideSerializer, selectors.get_counted_slide_for(actor_of(request), slide_id))
        )

    @extend_schema(operation_id="delete_slide", responses={204: None})
    def delete(self, request: Request, slide_id: UUID) -> Response:
        """Delete a slide with all its annotations and verdicts."""
        services.delete_slide(
            actor=actor_of(request), slide=selectors.get_slide_for(actor_of(request), slide_id)
        )
        return Response(status=status.HTTP_204_NO_CONTENT)


class ImageChoiceView(APIView):
    """Choice of the image of a file that is the slide."""

    @extend_schema(
        operation_id="choose_slide_image", request=ImageChoiceSerializer, responses=SlideSerializer
    )
    def post(self, request: Request, slide_id: UUID) -> Response:
        """Import the slide from a chosen image."""
        slide = selectors.get_slide_for(actor_of(request), slide_id)
        form = ImageChoiceSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        choose_image(actor=actor_of(request), slide=slide, image=form.validated_data["image"])
        return Response(
            represent(SlideSerializer, selectors.get_counted_slide_for(actor_of(request), slide_id))
        )


class ViewerView(APIView):
    """Data of the viewer."""

    @extend_schema(operation_id="open_slide", responses=ViewerSerializer)
    def get(self, request: Request, slide_id: UUID) -> Response:
        """Return levels, tile URLs and a grant."""
        slide = selectors.require_ready(selectors.get_counted_slide_for(actor_of(request), slide_id))
        grant, expires_at = issue_grant(slide.sha256)
        levels = Pyramid(slide.width, slide.height, slide.tile_size).levels
        return Response(
            {
                "slide": represent(SlideSerializer, slide),
                "grant": grant,
                "expires_at": expires_at,
                "tile_size": slide.tile_size,
                "levels": [{"z": level.z, "width": level.width, "height": level.height} for level in levels],
                "tiles": f"/tiles/{slide.sha256}/{{z}}/{{x}}/{{y}}.jpg?grant={grant}",
                "region": region_address(slide.sha256, grant),
                "colour_profile": slide.colour_profile,
                "channels": slide.channels,
                "stack": asdict(stack_of(slide.sha256)),
            }
        )


class GrantView(APIView):
    """A new grant for an open viewer."""

    @extend_schema(operation_id="renew_grant", request=None, responses=GrantSerializer)
    def post(self, request: Request, slide_id: UUID) -> Response:
        """Return a new grant."""
        slide = selectors.require_ready(selectors.get_slide_for(actor_of(request), slide_id))
        grant, expires_at = issue_grant(slide.sha256)
        return Response({"grant": grant, "expires_at": expires_at})


class ThumbnailView(APIView):
    """Thumbnail of a slide."""

    @extend_schema(operation_id="get_thumbnail", responses={(200, "image/jpeg"): OpenApiTypes.BINARY})
    def get(self, request: Request, slide_id: UUID) -> HttpResponseBase:
        """Return the thumbnail; the content hash is its entity tag."""
        slide = selectors.require_ready(selectors.get_slide_for(actor_of(request), slide_id))
        path = storage_path(f"{slide_key(slide.sha256)}/{THUMBNAIL_NAME}")
        if not path.is_file():
            raise NotVisibleError
        etag = f'"{slide.sha256[:32]}"'
        answer: HttpResponseBase | None = get_conditional_response(request._request, etag=etag)  # noqa: SLF001
        if answer is None:
            answer = HttpResponse(path.read_bytes(), content_type="image/jpeg")
        answer["Cache-Control"] = "private, max-age=86400"
        answer["ETag"] = etag
        return answer


class TissueView(APIView):
    """Tissue detected at import."""

    @extend_schema(operation_id="get_tissue", responses=TissueSerializer)
    def get(self, request: Request, slide_id: UUID) -> Response:
        """Return a GeoJSON MultiPolygon in level-0 pixels."""
        slide = selectors.require_ready(selectors.get_slide_for(actor_of(request), slide_id))
        return Response({"geometry": slide.tissue})


class FinishFolderView(APIView):
    """End of a folder drop."""

    @extend_schema(operation_id="finish_folder", request=FolderSerializer, responses=FolderResultSerializer)
    def post(self, request: Request, project_id: UUID) -> Response:
        """Group the folder's files into slides and start their imports."""
        project = get_project_for(actor_of(request), project_id)
        form = FolderSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        slides, ignored = finish_folder(
            actor=actor_of(request), project=project, folder=form.validated_data["folder"]
        )
        return Response(
            {
                "slides": represent_all(SlideSerializer, slides),
                "refused": [{"name": item.name, "why": item.reason.as_json()} for item in ignored],
            }
        )


class CasesView(GenericAPIView[Case]):
    """The cases of a project."""

    serializer_class = CaseSerializer

    @extend_schema(operation_id="list_cases", parameters=[OpenApiParameter("search", str)])
    def get(self, request: Request, project_id: UUID) -> Response:
        """List the cases by pseudonym."""
        project = get_project_for(actor_of(request), project_id)
        cases = selectors.cases_visible_to(actor_of(request)).filter(
            project=project, pseudonym__icontains=search_text(request)
        )
        return self.get_paginated_response(CaseSerializer(self.paginate_queryset(cases), many=True).data)


class CaseView(APIView):
    """One case."""

    @extend_schema(operation_id="describe_case", request=CaseChangesSerializer, responses=CaseSerializer)
    def put(self, request: Request, case_id: UUID) -> Response:
        """Set clinical fields and follow-up."""
        case = selectors.get_case_for(actor_of(request), case_id)
        form = CaseChangesSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        facts = CaseFacts.from_json(form.validated_data)
        return Response(CaseSerializer(describe_case(actor=actor_of(request), case=case, facts=facts)).data)
