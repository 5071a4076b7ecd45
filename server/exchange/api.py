"""Import and export over HTTP."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import IO
from uuid import UUID

from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.authentication import actor_of
from server.core.errors import DomainError
from server.core.files.names import attachment_header
from server.exchange.exports import selectors
from server.exchange.imports.held_files import HeldFile, held_file, hold_file
from server.exchange.imports.serializers import (
    ImportedSerializer,
    ImportSerializer,
    PreviewSerializer,
    ProjectImportedSerializer,
    ProjectPreviewSerializer,
    RefusedRowsSerializer,
)
from server.exchange.project_files import ProjectFile
from server.exchange.slide_files import SlideFile
from server.projects.models import Project
from server.projects.selectors import get_project_for
from server.slides.models import Slide
from server.slides.selectors import get_slide_for

IN_MEMORY = 2**20
ZIP = "application/zip"


class _ImportRequest:
    """A valid request to import a file on a slide or in a project, or to preview its import."""

    def __init__(self, request: Request, place: Slide | Project) -> None:
        self.actor, self.place = actor_of(request), place
        form = ImportSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        self.options = form.options
        self.become: str = form.validated_data["become"]
        self.upload: str = form.validated_data.get("upload", "")
        if self.upload:
            held = held_file(self.actor, place.pk, self.upload)
            self.filename, self.size = held.filename, held.path.stat().st_size
            self.file: IO[bytes] = held.path.open("rb")
        else:
            sent = form.validated_data["file"]
            self.filename, self.size, self.file = sent.name, sent.size, sent

    def of_slide(self, slide: Slide) -> SlideFile:
        """Return the file as one for a slide."""
        return SlideFile(self.actor, slide, self.file, self.filename, self.size, self.become, self.options)

    def of_project(self, project: Project) -> ProjectFile:
        """Return the file as the export of a project."""
        return ProjectFile(self.actor, project, self.file, self.become, self.options)

    @contextmanager
    def hold(self) -> Iterator[HeldFile]:
        """Store the file for the import after a preview; deleted where the preview is refused."""
        self.upload = self.upload or hold_file(self.actor, self.place.pk, self.file, self.filename)
        held = held_file(self.actor, self.place.pk, self.upload)
        try:
            yield held
        except DomainError:
            held.path.unlink()
            raise


class ImportView(APIView):
    """Import of annotations from other programs."""

    parser_classes = (MultiPartParser,)

    @extend_schema(
        operation_id="import_annotations",
        request={"multipart/form-data": ImportSerializer},
        responses={200: ImportedSerializer, 202: ImportedSerializer, 422: RefusedRowsSerializer},
    )
    def post(self, request: Request, slide_id: UUID) -> Response:
        """Import the annotations of a file at once, or queue the import of very many objects (202).

        GeoJSON; HistoML as it is exported (.zip); outlines of ASAP or Aperio ImageScope (.xml); the export of
        a project (.zip), from which the slide takes its own part.
        """
        slide = get_slide_for(actor_of(request), slide_id)
        asked = _ImportRequest(request, slide)
        with closing(asked.file):
            report = asked.of_slide(slide).start_import()
        code = status.HTTP_200_OK if report.job_id is None else status.HTTP_202_ACCEPTED
        return Response(ImportedSerializer(report).data, status=code)


class ImportPreviewView(APIView):
    """Preview of an import."""

    parser_classes = (MultiPartParser,)

    @extend_schema(
        operation_id="preview_import",
        request={"multipart/form-data": ImportSerializer},
        responses={200: PreviewSerializer, 422: RefusedRowsSerializer},
    )
    def post(self, request: Request, slide_id: UUID) -> Response:
        """Preview the import of a file; only the file itself is stored, for six hours.

        The answer has the token ``upload``, which the import and further previews take instead of the file.
        """
        slide = get_slide_for(actor_of(request), slide_id)
        asked = _ImportRequest(request, slide)
        with closing(asked.file), asked.hold() as held:
            preview = asked.of_slide(slide).preview(held.path)
        preview.upload = asked.upload
        return Response(PreviewSerializer(preview).data)


class ProjectImportView(APIView):
    """Import of a project's export into this or another project."""

    parser_classes = (MultiPartParser,)

    @extend_schema(
        operation_id="import_project_annotations",
        request={"multipart/form-data": ImportSerializer},
        responses={200: ProjectImportedSerializer, 422: RefusedRowsSerializer},
    )
    def post(self, request: Request, project_id: UUID) -> Response:
        """Import each file of the export on the slide of the same content, or else of the same name.

        Files without a slide are named. Of a slide with very many objects a job reads the file.
        """
        project = get_project_for(actor_of(request), project_id)
        asked = _ImportRequest(request, project)
        with closing(asked.file):
            report = asked.of_project(project).start_import()
        return Response(ProjectImportedSerializer(report).data)


class ProjectImportPreviewView(APIView):
    """Preview of the import of a project's export."""

    parser_classes = (MultiPartParser,)

    @extend_schema(
        operation_id="preview_project_import",
        request={"multipart/form-data": ImportSerializer},
        responses={200: ProjectPreviewSerializer, 422: RefusedRowsSerializer},
    )
    def post(self, request: Request, project_id: UUID) -> Response:
        """Preview the import of the export; only the file itself is stored, for six hours."""
        project = get_project_for(actor_of(request), project_id)
        asked = _ImportRequest(request, project)
        with closing(asked.file), asked.hold():
            report = asked.of_project(project).preview()
        report.upload = asked.upload
        return Response(ProjectPreviewSerializer(report).data)


class ExportSlideView(APIView):
    """Export of a slide's labels for other programs."""

    @extend_schema(
        operation_id="export_slide",
        parameters=[OpenApiParameter("suggestions", bool)],
        responses={(200, "application/geo+json"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, slide_id: UUID) -> HttpResponseBase:
        """Return GeoJSON as QuPath reads it."""
        slide = get_slide_for(actor_of(request), slide_id)
        with_suggestions = request.query_params.get("suggestions") == "true"
        sink = io.StringIO()
        selectors.write_collection(
            sink, selectors.export_features(actor_of(request), slide, suggestions=with_suggestions), slide
        )
        answer = HttpResponse(sink.getvalue(), content_type="application/geo+json")
        answer["Content-Disposition"] = attachment_header(slide.name, ".geojson")
        return answer


class ExportHistomlView(APIView):
    """Export of a slide's annotations in terms of an ontology."""

    @extend_schema(operation_id="export_histoml", responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request, slide_id: UUID) -> HttpResponseBase:
        """Return a ZIP with HistoML (RDF/XML) and the outlines as GeoJSON under the same ids."""
        slide = get_slide_for(actor_of(request), slide_id)
        # The answer closes the file when it has been sent.
        sink = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
        selectors.write_histoml_archive(actor_of(request), slide, sink)
        sink.seek(0)
        disposition = attachment_header(slide.name, ".histoml.zip")
        return FileResponse(sink, content_type=ZIP, headers={"Content-Disposition": disposition})


class ExportProjectView(APIView):
    """Export of a project's labels for other programs."""

    @extend_schema(operation_id="export_project", responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request, project_id: UUID) -> HttpResponseBase:
        """Return a ZIP with one GeoJSON per slide."""
        project = get_project_for(actor_of(request), project_id)
        # The answer closes the file when it has been sent.
        sink = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
        selectors.write_project_archive(actor_of(request), project, sink)
        sink.seek(0)
        disposition = attachment_header(project.name, ".annotations.zip")
        return FileResponse(sink, content_type=ZIP, headers={"Content-Disposition": disposition})
