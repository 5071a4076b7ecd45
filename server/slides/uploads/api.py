"""The tus resumable upload protocol 1.0.0 over HTTP (core, creation, termination).

OPTIONS, POST /api/v1/uploads          HEAD, PATCH, DELETE /api/v1/uploads/{id}
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException, UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ml.messages import Message
from server.accounts.authentication import actor_of
from server.core.errors import ContentError
from server.core.names import check_characters
from server.projects.selectors import get_project_for
from server.slides.selectors import get_upload_for
from server.slides.uploads import services as uploads

VERSION: Final = "1.0.0"
_LONGEST_METADATA: Final = 8000
# Checked with a sentence of their own where they are used.
_PATHS: Final = ("filename", "relative_path")


class BytesParser(BaseParser):
    """Parser that leaves the body alone: the view reads it as a stream."""

    media_type = "application/offset+octet-stream"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        """Return the stream."""
        del media_type, parser_context
        return stream


class AnyParser(BytesParser):
    """Parser of creations, which have no body, whatever their content type."""

    media_type = "*/*"


class WrongVersionError(APIException):
    """The client uses another version of the protocol: an error of HTTP, not of the domain."""

    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_code = "tus_version"


class TusView(APIView):
    """Base view with the protocol's headers."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Raise for another version of the protocol; OPTIONS is exempt."""
        super().initial(request, *args, **kwargs)
        version = request.headers.get("Tus-Resumable", VERSION)
        if version != VERSION and request.method != "OPTIONS":
            message = f"Version {VERSION} of the tus protocol is spoken here, not {version[:20]!r}."
            raise WrongVersionError(message)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Add the protocol's version, and disable caching."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Tus-Resumable"] = VERSION
        response["Cache-Control"] = "no-store"
        if response.status_code == status.HTTP_412_PRECONDITION_FAILED:
            response["Tus-Version"] = VERSION
        return response


class UploadsView(TusView):
    """Creation of uploads."""

    parser_classes = (AnyParser,)

    @extend_schema(exclude=True)
    def options(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # type: ignore[override]
        """Return the protocol's capabilities."""
        del request, args, kwargs
        headers = {
            "Tus-Version": VERSION,
            "Tus-Extension": "creation,termination",
            "Tus-Max-Size": str(settings.UPLOAD_MAX_BYTES),
        }
        return Response(status=status.HTTP_204_NO_CONTENT, headers=headers)

    @extend_schema(operation_id="begin_upload", request=None, responses={201: None})
    def post(self, request: Request) -> Response:
        """Create an upload; its URL is in the ``Location`` header."""
        metadata = read_metadata(request.headers.get("Upload-Metadata", ""))
        project = get_project_for(actor_of(request), _uuid(metadata.get("project", "")))
        upload = uploads.begin_upload(
            actor=actor_of(request),
            project=project,
            length=_number(request, "Upload-Length"),
            metadata=metadata,
        )
        headers = {"Location": f"/api/v1/uploads/{upload.pk}", "Upload-Offset": "0"}
        return Response(status=status.HTTP_201_CREATED, headers=headers)


class UploadView(TusView):
    """One upload."""

    parser_classes = (BytesParser,)

    @extend_schema(operation_id="get_upload_offset", request=None, responses={200: None})
    def head(self, request: Request, upload_id: UUID) -> Response:
        """Return the number of received bytes."""
        upload = get_upload_for(actor_of(request), upload_id)
        headers = {"Upload-Offset": str(uploads.offset_of(upload)), "Upload-Length": str(upload.length)}
        return Response(status=status.HTTP_200_OK, headers=headers)

    @extend_schema(operation_id="append_to_upload", request=None, responses={204: None})
    def patch(self, request: Request, upload_id: UUID) -> Response:
        """Append the next bytes. The last ones create a slide, whose id is in ``Coverslip-Slide``."""
        upload = get_upload_for(actor_of(request), upload_id)
        content_type = request.content_type.partition(";")[0].strip().lower()
        if content_type not in ("", BytesParser.media_type):
            raise UnsupportedMediaType(content_type)
        announced = request.headers.get("Content-Length") or "0"
        offset = uploads.append_bytes(
            upload,
            _number(request, "Upload-Offset"),
            request._request,  # noqa: SLF001 - unread by DRF
            int(announced) if announced.isascii() and announced.isdigit() else 0,
        )
        headers = {"Upload-Offset": str(offset)}
        if offset == upload.length:
            slide = uploads.finish_upload(actor=actor_of(request), upload=upload)
            if slide is not None:
                headers["Coverslip-Slide"] = str(slide.pk)
        return Response(status=status.HTTP_204_NO_CONTENT, headers=headers)

    @extend_schema(operation_id="abandon_upload", responses={204: None})
    def delete(self, request: Request, upload_id: UUID) -> Response:
        """Cancel the upload."""
        uploads.abandon_upload(actor=actor_of(request), upload=get_upload_for(actor_of(request), upload_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


def read_metadata(header: str) -> dict[str, str]:
    """Return the pairs of ``Upload-Metadata``: names and base 64 values, separated by commas."""
    if len(header) > _LONGEST_METADATA:
        message = Message("upload_metadata_too_long")
        raise ContentError(message, code="bad_metadata")
    pairs = {}
    for pair in filter(None, (part.strip() for part in header.split(","))):
        name, _, value = pair.partition(" ")
        try:
            pairs[name] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            message = Message("upload_metadata_not_base64", name=name)
            raise ContentError(message, code="bad_metadata") from error
    return {
        name: value if name in _PATHS else check_characters(value, field=name, code="bad_metadata")
        for name, value in pairs.items()
    }


def _number(request: Request, header: str) -> int:
    value = request.headers.get(header, "")
    if not (value.isascii() and value.isdigit() and len(value) < 16):  # noqa: PLR2004 - digits of a petabyte
        message = Message("header_not_bytes", header=header)
        raise ContentError(message, code="bad_header")
    return int(value)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        message = Message("upload_without_project")
        raise ContentError(message, code="bad_metadata") from error
