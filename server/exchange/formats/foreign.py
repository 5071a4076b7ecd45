"""Files of other programs than QuPath: HistoML in a ZIP, and XML of ASAP, Aperio and NDP.view."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import IO, Any

from ml.contracts import DataError
from ml.formats.histoml import read_histoml
from ml.formats.markup import parse_xml
from ml.formats.ndpa import GlassPlace, is_ndpa, read_ndpa
from ml.formats.outlines import features_of
from ml.messages import Message
from server.exchange.errors import BadForeignFileError
from server.exchange.formats.archives import (
    DESCRIPTION,
    SHAPES,
    SlideName,
    choose_member,
    list_members,
    open_archive,
    unpack,
)
from server.exchange.formats.geojson_stream import stream_features

ARCHIVE_ENDING, XML_ENDING = ".zip", ".xml"


def read_xml(content: bytes, slide: SlideName | None) -> list[dict[str, Any]]:
    """Return the features of an XML file of ASAP, Aperio or NDP.view; raises BadForeignFileError."""
    try:
        root = parse_xml(content)
        if is_ndpa(root):
            return list(read_ndpa(root, _place_of(slide)))
        return features_of(root)
    except DataError as error:
        raise BadForeignFileError(error.detail) from error


def _place_of(slide: SlideName | None) -> GlassPlace:
    place = slide.find_place() if slide else None
    if place is None:
        message = Message(
            "ndpa_without_place",
        )
        raise BadForeignFileError(message)
    return place


def read_archive(file: IO[bytes], slide: SlideName | None) -> Iterator[Any]:
    """Yield the features of a ZIP: HistoML, or the GeoJSON of a slide; raises BadForeignFileError."""
    with open_archive(file) as archive:
        if DESCRIPTION in archive.namelist():
            yield from _histoml(archive)
            return
        member = choose_member(list_members(archive), slide)
        content = unpack(archive, [member.path])[0]
        yield from stream_features(lambda: io.BytesIO(content), slide.name if slide else None)


def _histoml(archive: zipfile.ZipFile) -> list[Any]:
    if SHAPES not in archive.namelist():
        message = Message(
            "archive_half",
            description=DESCRIPTION,
            shapes=SHAPES,
        )
        raise BadForeignFileError(message)
    description, shapes = unpack(archive, [DESCRIPTION, SHAPES])
    try:
        document = json.loads(shapes)
        features = document["features"]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        message = Message(
            "archive_no_collection",
            file=SHAPES,
            reason=error,
        )
        raise BadForeignFileError(message) from error
    if not isinstance(features, list) or not all(isinstance(item, dict) for item in features):
        message = Message("archive_no_features", file=SHAPES)
        raise BadForeignFileError(message)
    try:
        described, missing = read_histoml(description, features)
    except DataError as error:
        raise BadForeignFileError(error.detail) from error
    # An entity without its outline becomes a row that is named as left out.
    return [*described, *({"type": "Feature", "id": key, "geometry": None} for key in missing)]
