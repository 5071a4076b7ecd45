"""Import and export over HTTP."""

from __future__ import annotations

import io
import tempfile
from typing import Any
from uuid import UUID

from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ml.contracts import Sentence
from server.accounts.authentication import actor_of
from server.core.errors import TooLargeError
from server.exchange import selectors, services
from server.exchange.errors import NotReviewedError, TooManyFeaturesError
from server.exchange.foreign import FOREIGN
from server.exchange.objectfiles import TABLES
from server.exchange.objectjobs import PROPOSALS, queue_object_file
from server.projects.selectors import get_project_for
from server.slides.selectors import get_slide_for

MOST_BYTES = 200 * 2**20
# A GeoJSON file up to this size is read while the person waits; 20,000 outlines are about as much.
READ_AT_ONCE = 16 * 2**20
IN_MEMORY = 2**20


class ImportSerializer(serializers.Serializer[Any]):
    """A file of shapes, and whether classes that the project lacks become labels.

    ``become``: annotations, or objects (an object set), or auto: annotations up to 20,000 shapes; but
    proposals that nobody has reviewed, as of the gaze tool, are objects to review.
    """

    file = serializers.FileField()
    create_labels = serializers.BooleanField(default=False)
    become = serializers.ChoiceField(choices=("auto", "annotations", "objects"), default="auto")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse what is too large to read at once."""
        at_once = attrs["become"] == "annotations" or _is_foreign(attrs["file"])
        if at_once and attrs["file"].size > MOST_BYTES:
            message = Sentence(
                "file_over_mib",
                "The file is larger than the {most} MiB that are read at once.",
                most=MOST_BYTES // 2**20,
            )
            raise TooLargeError(message)
        return attrs


class SkippedSerializer(serializers.Serializer[Any]):
    """A row of the file that was left out."""

    row = serializers.IntegerField()
    reason = serializers.CharField()


class ImportedSerializer(serializers.Serializer[Any]):
    """What became of the file."""

    created = serializers.IntegerField()
    already_there = serializers.IntegerField()
    mended = serializers.IntegerField()
    skipped = SkippedSerializer(many=True)
    labels_created = serializers.ListField(child=serializers.CharField())
    job_id = serializers.UUIDField(allow_null=True)


class ImportView(APIView):
    """Annotations from other programs."""

    parser_classes = (MultiPartParser,)

    @extend_schema(
        operation_id="import_annotations",
        request={"multipart/form-data": ImportSerializer},
        responses={200: ImportedSerializer, 202: ImportedSerializer},
    )
    def post(self, request: Request, slide_id: UUID) -> Response:
        """Make annotations of a file at once, or queue the reading of very many objects (202).

        GeoJSON; HistoML as it is exported (.zip); outlines of ASAP or Aperio ImageScope (.xml).
        """
        slide = get_slide_for(actor_of(request), slide_id)
        form = ImportSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        asked = form.validated_data
        file, become = asked["file"], asked["become"]
        given = {
            "actor": actor_of(request),
            "slide": slide,
            "filename": file.name,
            "create_labels": asked["create_labels"],
        }
        if become == "annotations" or (become == "auto" and _is_small(file)):
            try:
                result = services.import_shapes(content=file.read(), **given)
                return Response(ImportedSerializer(result).data)
            except (TooManyFeaturesError, NotReviewedError) as error:
                if become == "annotations" or _is_foreign(file):
                    raise
                file.seek(0)
                become = PROPOSALS if isinstance(error, NotReviewedError) else become
        job = queue_object_file(file=file, become=become, **given)
        result = services.Imported(job_id=job.pk)
        return Response(ImportedSerializer(result).data, status=status.HTTP_202_ACCEPTED)


def _is_small(file: Any) -> bool:
    if _is_foreign(file):
        return True
    told = file.name.lower()
    # What has another ending is taken for GeoJSON, as it always was.
    return bool(file.size <= READ_AT_ONCE and not told.endswith((*TABLES, ".gz")))


def _is_foreign(file: Any) -> bool:
    return bool(file.name.lower().endswith(FOREIGN))


class ExportSlideView(APIView):
    """A slide's labels for other programs."""

    @extend_schema(
        operation_id="export_slide",
        parameters=[OpenApiParameter("suggestions", bool)],
        responses={(200, "application/geo+json"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, slide_id: UUID) -> HttpResponseBase:
        """Return GeoJSON as QuPath reads it."""
        slide = get_slide_for(actor_of(request), slide_id)
        wanted = request.query_params.get("suggestions") == "true"
        sink = io.StringIO()
        selectors.write_collection(
            sink, selectors.export_features(actor_of(request), slide, suggestions=wanted)
        )
        answer = HttpResponse(sink.getvalue(), content_type="application/geo+json")
        answer["Content-Disposition"] = f'attachment; filename="{slide.pk}.geojson"'
        return answer


class ExportHistomlView(APIView):
    """A slide's annotations in the words of an ontology."""

    @extend_schema(operation_id="export_histoml", responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request, slide_id: UUID) -> HttpResponseBase:
        """Return a ZIP with HistoML (RDF/XML) and the outlines as GeoJSON under the same ids."""
        slide = get_slide_for(actor_of(request), slide_id)
        # The answer closes the file when it has been sent.
        sink = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
        selectors.write_histoml_archive(actor_of(request), slide, sink)
        sink.seek(0)
        return FileResponse(sink, as_attachment=True, filename=f"{slide.pk}.histoml.zip")


class ExportProjectView(APIView):
    """A project's labels for other programs."""

    @extend_schema(operation_id="export_project", responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request, project_id: UUID) -> HttpResponseBase:
        """Return a ZIP with one GeoJSON per slide."""
        project = get_project_for(actor_of(request), project_id)
        # The answer closes the file when it has been sent.
        sink = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
        selectors.write_project_archive(actor_of(request), project, sink)
        sink.seek(0)
        return FileResponse(sink, as_attachment=True, filename="annotations.zip")
