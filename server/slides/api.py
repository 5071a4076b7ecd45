"""Slides over HTTP."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ml.contracts import sentence_parts
from server.accounts.authentication import actor_of
from server.core.errors import NotVisibleError
from server.core.schema import SaidSerializer
from server.core.searching import search_text
from server.core.storage import storage_path
from server.projects.selectors import get_label, get_project_for
from server.slides import selectors, services
from server.slides.diagnosis import describe_case, diagnose_slide
from server.slides.grants import issue_grant
from server.slides.manifest import THUMBNAIL_NAME, slide_key
from server.slides.models import Case, Slide
from server.slides.pyramid import Pyramid
from server.slides.quality import ARTEFACTS, MARRED
from server.slides.uploads import finish_folder


class CaseSerializer(serializers.ModelSerializer[Case]):
    """A case under its pseudonym, with what is known of the patient."""

    clinical = serializers.DictField(read_only=True)

    class Meta:
        model = Case
        fields = ("id", "pseudonym", "clinical", "months", "event")


class CaseChangesSerializer(serializers.Serializer[Any]):
    """Clinical fields (numbers or words by name) and follow-up; what is left out is unknown."""

    clinical = serializers.DictField(child=serializers.JSONField())
    months = serializers.FloatField(min_value=0, max_value=2000, allow_null=True, default=None)
    event = serializers.BooleanField(allow_null=True, default=None)


class SlideCountsSerializer(serializers.Serializer[Any]):
    """What there is on a slide."""

    annotations = serializers.IntegerField()
    regions = serializers.IntegerField()
    suggestions = serializers.IntegerField()
    suggestions_open = serializers.IntegerField()


class SlideSerializer(serializers.ModelSerializer[Slide]):
    """A slide as people see it. Nothing of the file's header text is in it."""

    project_id = serializers.UUIDField(read_only=True)
    label_id = serializers.UUIDField(read_only=True, allow_null=True)
    case = CaseSerializer(read_only=True)
    mpp = serializers.FloatField(source="mpp_x", allow_null=True, read_only=True)
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
            "failure_message_code",
            "failure_message_values",
            "import_job_id",
            "sha256",
            "size_bytes",
            "format",
            "width",
            "height",
            "level_count",
            "mpp",
            "magnification",
            "tissue_fraction",
            "focus_score",
            "pen_score",
            "created_at",
            "counts",
            "thumbnail",
        )

    def get_counts(self, slide: Slide) -> SlideCountsSerializer:
        """Return the numbers that the selector annotated."""
        numbers: Any = {name: getattr(slide, f"{name}_count", 0) for name in SlideCountsSerializer().fields}
        numbers["suggestions_open"] = numbers["suggestions"] - getattr(slide, "decided_count", 0)
        return cast("SlideCountsSerializer", numbers)

    def get_thumbnail(self, slide: Slide) -> str | None:
        """Return where the small picture is."""
        ready = slide.state == Slide.State.READY
        return f"/api/v1/slides/{slide.pk}/thumbnail.jpg" if ready else None


class SlideChangesSerializer(serializers.Serializer[Any]):
    """What people may say of a slide."""

    name = serializers.CharField(max_length=255, required=False)
    case = serializers.CharField(max_length=100, required=False)
    label_id = serializers.UUIDField(required=False, allow_null=True, help_text="What the slide is.")
    mpp = serializers.FloatField(min_value=0.01, max_value=100, required=False)
    progress_state = serializers.ChoiceField(choices=Slide.ProgressState.choices, required=False)


class FolderSerializer(serializers.Serializer[Any]):
    """The client's name for one folder drop."""

    folder = serializers.CharField(max_length=64)


class RefusedFileSerializer(serializers.Serializer[Any]):
    """A file that is no slide, and why."""

    name = serializers.CharField()
    why = SaidSerializer()


class FolderResultSerializer(serializers.Serializer[Any]):
    """The slides that a folder held."""

    slides = SlideSerializer(many=True)
    refused = RefusedFileSerializer(many=True)


class LevelSerializer(serializers.Serializer[Any]):
    """One level of the tile pyramid."""

    z = serializers.IntegerField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()


class GrantSerializer(serializers.Serializer[Any]):
    """Permission to fetch pixels, and when it lapses."""

    grant = serializers.CharField()
    expires_at = serializers.DateTimeField()


class ChannelSerializer(serializers.Serializer[Any]):
    """One channel of a fluorescence or near-infrared slide, and how it is shown at first."""

    name = serializers.CharField()
    colour = serializers.CharField(help_text="rrggbb")
    bits = serializers.IntegerField()
    low = serializers.IntegerField(help_text="The value shown as black.")
    high = serializers.IntegerField(help_text="The value shown at full strength.")
    top = serializers.IntegerField(help_text="The brightest value that the import met.")
    visible = serializers.BooleanField()


class ViewerSerializer(GrantSerializer):
    """Everything that a viewer needs to show a slide."""

    slide = SlideSerializer()
    tile_size = serializers.IntegerField()
    levels = LevelSerializer(many=True)
    tiles = serializers.CharField(help_text="Address of a tile, with {z}, {x} and {y} to fill in.")
    colour_profile = serializers.ChoiceField(choices=Slide.ColourProfile.choices)
    channels = ChannelSerializer(
        many=True, help_text="Add &channels=index:rrggbb:low:high,... to an address to choose."
    )
    region = serializers.CharField(help_text="Add &x=&y=&width=&height=&size= for a crop.")


class TissueSerializer(serializers.Serializer[Any]):
    """Where there is tissue."""

    geometry = serializers.DictField(allow_null=True)


class SlideFilter(django_filters.FilterSet):
    """Which slides to list, and in which order."""

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
        """Keep slides that were found to have much of an artefact."""
        share = f"quality__{artefact}"
        return slides.filter(**{f"{share}__gte": MARRED}).order_by(f"-{share}", "name", "id")


def region_address(slide: Slide, grant: str) -> str:
    """Return where crops of a slide are; ``&x=&y=&width=&height=&size=`` is added to it."""
    return f"/tiles/{slide.sha256}/region.jpg?grant={grant}"


class SlidesView(GenericAPIView[Slide]):
    """The slides of a project."""

    serializer_class = SlideSerializer
    filterset_class = SlideFilter
    queryset = Slide._default_manager.none()  # noqa: SLF001 - for the schema alone

    @extend_schema(operation_id="list_slides")
    def get(self, request: Request, project_id: UUID) -> Response:
        """List them by name."""
        project = get_project_for(actor_of(request), project_id)
        slides = selectors.slides_visible_to(actor_of(request)).filter(project=project)
        found = self.filter_queryset(selectors.with_counts(slides).order_by("name", "id"))
        page = self.paginate_queryset(found)
        return self.get_paginated_response(SlideSerializer(page, many=True).data)


class SlideView(APIView):
    """One slide."""

    @extend_schema(operation_id="get_slide", responses=SlideSerializer)
    def get(self, request: Request, slide_id: UUID) -> Response:
        """Return what is known of it."""
        return Response(SlideSerializer(selectors.get_slide_for(actor_of(request), slide_id)).data)

    @extend_schema(operation_id="change_slide", request=SlideChangesSerializer, responses=SlideSerializer)
    def patch(self, request: Request, slide_id: UUID) -> Response:
        """Change name, case, resolution, diagnosis, or how far people are with it."""
        slide = selectors.get_slide_for(actor_of(request), slide_id)
        form = SlideChangesSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        data = dict(form.validated_data)
        progress = data.pop("progress_state", None)
        if "label_id" in data:
            label_id = data.pop("label_id")
            label = get_label(slide.project, label_id) if label_id else None
            diagnose_slide(actor=actor_of(request), slide=slide, label=label)
        if data:
            mpp = data.pop("mpp", None)
            services.update_slide(actor=actor_of(request), slide=slide, mpp_x=mpp, mpp_y=mpp, **data)
        if progress is not None:
            services.mark_progress(actor=actor_of(request), slide=slide, progress_state=progress)
        return Response(SlideSerializer(selectors.get_slide_for(actor_of(request), slide_id)).data)

    @extend_schema(operation_id="delete_slide", responses={204: None})
    def delete(self, request: Request, slide_id: UUID) -> Response:
        """Remove it with everything that was said of it."""
        services.delete_slide(
            actor=actor_of(request), slide=selectors.get_slide_for(actor_of(request), slide_id)
        )
        return Response(status=status.HTTP_204_NO_CONTENT)


class ViewerView(APIView):
    """What a viewer needs."""

    @extend_schema(operation_id="open_slide", responses=ViewerSerializer)
    def get(self, request: Request, slide_id: UUID) -> Response:
        """Return levels, tile addresses and a grant."""
        slide = selectors.require_ready(selectors.get_slide_for(actor_of(request), slide_id))
        grant, expires_at = issue_grant(slide.sha256)
        levels = Pyramid(slide.width, slide.height, slide.tile_size).levels
        return Response(
            {
                "slide": SlideSerializer(slide).data,
                "grant": grant,
                "expires_at": expires_at,
                "tile_size": slide.tile_size,
                "levels": [{"z": level.z, "width": level.width, "height": level.height} for level in levels],
                "tiles": f"/tiles/{slide.sha256}/{{z}}/{{x}}/{{y}}.jpg?grant={grant}",
                "region": region_address(slide, grant),
                "colour_profile": slide.colour_profile,
                "channels": slide.channels,
            }
        )


class GrantView(APIView):
    """A fresh grant for a viewer that stays open."""

    @extend_schema(operation_id="renew_grant", request=None, responses=GrantSerializer)
    def post(self, request: Request, slide_id: UUID) -> Response:
        """Return a grant."""
        slide = selectors.require_ready(selectors.get_slide_for(actor_of(request), slide_id))
        grant, expires_at = issue_grant(slide.sha256)
        return Response({"grant": grant, "expires_at": expires_at})


class ThumbnailView(APIView):
    """The small picture of a slide."""

    @extend_schema(operation_id="get_thumbnail", responses={(200, "image/jpeg"): OpenApiTypes.BINARY})
    def get(self, request: Request, slide_id: UUID) -> HttpResponseBase:
        """Return it; the content hash is its entity tag."""
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
    """Where tissue was found at import."""

    @extend_schema(operation_id="get_tissue", responses=TissueSerializer)
    def get(self, request: Request, slide_id: UUID) -> Response:
        """Return a GeoJSON MultiPolygon in level-0 pixels."""
        slide = selectors.require_ready(selectors.get_slide_for(actor_of(request), slide_id))
        return Response({"geometry": slide.tissue})


class FinishFolderView(APIView):
    """The end of a folder drop."""

    @extend_schema(operation_id="finish_folder", request=FolderSerializer, responses=FolderResultSerializer)
    def post(self, request: Request, project_id: UUID) -> Response:
        """Find the slides among the folder's files and begin their imports."""
        project = get_project_for(actor_of(request), project_id)
        form = FolderSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        slides, ignored = finish_folder(
            actor=actor_of(request), project=project, folder=form.validated_data["folder"]
        )
        return Response(
            {
                "slides": SlideSerializer(slides, many=True).data,
                "refused": [{"name": item.name, "why": sentence_parts(item.reason)} for item in ignored],
            }
        )


class CasesView(GenericAPIView[Case]):
    """The cases of a project."""

    serializer_class = CaseSerializer

    @extend_schema(operation_id="list_cases", parameters=[OpenApiParameter("search", str)])
    def get(self, request: Request, project_id: UUID) -> Response:
        """List them by pseudonym."""
        project = get_project_for(actor_of(request), project_id)
        cases = selectors.cases_visible_to(actor_of(request)).filter(
            project=project, pseudonym__icontains=search_text(request)
        )
        return self.get_paginated_response(CaseSerializer(self.paginate_queryset(cases), many=True).data)


class CaseView(APIView):
    """One case."""

    @extend_schema(operation_id="describe_case", request=CaseChangesSerializer, responses=CaseSerializer)
    def put(self, request: Request, case_id: UUID) -> Response:
        """Set the clinical fields and the follow-up."""
        case = selectors.get_case_for(actor_of(request), case_id)
        form = CaseChangesSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        return Response(
            CaseSerializer(describe_case(actor=actor_of(request), case=case, **form.validated_data)).data
        )
