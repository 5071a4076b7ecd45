"""Files of other programs than QuPath: HistoML in a ZIP, and the XML of ASAP and of Aperio ImageScope."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from typing import Any, Final

from ml.contracts import DataError, Sentence
from ml.formats.histoml import read_histoml
from ml.formats.outlines import read_outlines
from server.exchange.errors import BadForeignFileError
from server.exchange.geojson import ForeignShape, UnreadRow, read_geojson, rows_of

HISTOML, OUTLINES = ".zip", ".xml"
FOREIGN: Final = (HISTOML, OUTLINES)
DESCRIPTION, SHAPES = "annotations.rdf", "annotations.geojson"
MOST_UNPACKED: Final = 400 * 2**20


def read_shapes(content: bytes, filename: str) -> list[ForeignShape | UnreadRow]:
    """Return what a file says, by its ending; raises ContentError or TooManyFeaturesError."""
    name = filename.lower()
    if not name.endswith(FOREIGN):
        return read_geojson(content)
    try:
        found = read_outlines(content) if name.endswith(OUTLINES) else _histoml(content)
    except DataError as error:
        raise BadForeignFileError(error.detail) from error
    return rows_of(found)


def _histoml(content: bytes) -> list[Any]:
    description, shapes = _unpacked(content)
    try:
        document = json.loads(shapes)
        features = document["features"]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        message = Sentence(
            "archive_no_collection",
            "{file} in the archive is no FeatureCollection: {reason}.",
            file=SHAPES,
            reason=repr(error),
        )
        raise BadForeignFileError(message) from error
    if not isinstance(features, list) or not all(isinstance(item, dict) for item in features):
        message = Sentence(
            "archive_no_features", "{file} in the archive is no list of features.", file=SHAPES
        )
        raise BadForeignFileError(message)
    found, missing = read_histoml(description, features)
    # An entity without its outline becomes a row that is named as left out.
    return [*found, *({"type": "Feature", "id": key, "geometry": None} for key in missing)]


def _unpacked(content: bytes) -> tuple[bytes, bytes]:
    """Return the description and the outlines; a small archive that unpacks to very much is refused."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = [archive.getinfo(name) for name in (DESCRIPTION, SHAPES)]
            if sum(part.file_size for part in parts) > MOST_UNPACKED:
                message = Sentence(
                    "archive_too_large",
                    "The archive unpacks to more than {most} MiB.",
                    most=MOST_UNPACKED // 2**20,
                )
                raise BadForeignFileError(message)
            read = [archive.open(part).read(MOST_UNPACKED) for part in parts]
    except KeyError as error:
        message = Sentence(
            "archive_incomplete",
            "HistoML comes as a ZIP with {description} and {shapes}; one of them is missing.",
            description=DESCRIPTION,
            shapes=SHAPES,
        )
        raise BadForeignFileError(message) from error
    # Damaged, encrypted or packed in a way that Python does not know.
    except (zipfile.BadZipFile, zlib.error, RuntimeError, ValueError, EOFError, OSError) as error:
        message = Sentence("archive_broken", "The archive cannot be unpacked: {reason}.", reason=str(error))
        raise BadForeignFileError(message) from error
    return read[0], read[1]
