"""Read an annotation or object file of any supported format into rows, by its content."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from ml.formats.geometry_budget import GeometryBudget
from ml.formats.markup import MOST_BYTES as MOST_XML
from ml.formats.outlines import ROW
from ml.messages import Message
from server.exchange.errors import NotGeoJsonError, TooManyFeaturesError
from server.exchange.formats.archives import SlideName
from server.exchange.formats.compression import open_bytes
from server.exchange.formats.foreign import ARCHIVE_ENDING, XML_ENDING, read_archive, read_xml
from server.exchange.formats.geojson import read_feature
from server.exchange.formats.geojson_stream import stream_features
from server.exchange.formats.kinds import START, TABLES, Kind, find_kind
from server.exchange.formats.scores import NumberNames
from server.exchange.formats.shapes import ForeignShape, UnreadRow
from server.exchange.formats.tables import TableBatch, read_table, rows_of_table

# More shapes are an object set.
MOST_FEATURES: Final = 20_000


def read_file(
    source: bytes | Path, filename: str, *, slide: SlideName | None = None, most: int | None = MOST_FEATURES
) -> Iterator[ForeignShape | UnreadRow]:
    """Yield the rows of a file: GeoJSON in any of its forms, DSA, XML, a ZIP, a table; also packed with gzip.

    Parameters
    ----------
    source
        The content, or the path of a file of any size, which is read as a stream.
    filename
        Name that the person gave the file, for a content that no format begins with.
    slide
        The slide. Of an archive with the files of several slides its own is read.
    most
        Stop at more rows than these.

    Raises
    ------
    NotGeoJsonError, BadForeignFileError, BadObjectFileError
        The file as a whole cannot be read. The reader is lazy: rows before a break come first.
    TooManyFeaturesError
        There are more rows than become annotations.

    """
    budget = None if most is None else GeometryBudget()
    for count, row in enumerate(_rows(source, filename, slide, budget), start=1):
        if most is not None and count > most:
            message = Message(
                "too_many_shapes",
                most=most,
            )
            raise TooManyFeaturesError(message)
        yield row


def kind_of(source: bytes | Path, filename: str = "") -> Kind | None:
    """Return the format of a file by its content, by its name where an empty or foreign content has none."""
    with open_bytes(source) as file:
        return kind_of_start(file.read(START), filename)


def kind_of_start(start: bytes, filename: str = "") -> Kind | None:
    """Return the format of a file by its first bytes, unpacked; see ``kind_of``."""
    kind = find_kind(start)
    if kind is None and filename.lower().endswith(XML_ENDING):
        return Kind.XML
    if kind is None and filename.lower().endswith(ARCHIVE_ENDING):
        return Kind.ARCHIVE
    return kind


def read_table_file(source: bytes | Path, kind: Kind) -> Iterator[TableBatch]:
    """Yield the batches of a table; raises BadObjectFileError."""
    return read_table(source if isinstance(source, Path) else pa.BufferReader(source), kind)


def _rows(
    source: bytes | Path, filename: str, slide: SlideName | None, budget: GeometryBudget | None
) -> Iterator[ForeignShape | UnreadRow]:
    kind = kind_of(source, filename)
    if kind in TABLES:
        for batch in read_table_file(source, kind):
            yield from rows_of_table(batch)
        return
    names = NumberNames()
    for row, feature in _features(source, kind, slide):
        yield from read_feature(row, feature, names, budget)


def _row_of(feature: Any, row: int) -> int:
    """Return the number of a feature in its file, counting skipped features."""
    return int(feature.get(ROW, row)) if isinstance(feature, dict) else row


def _features(source: bytes | Path, kind: Kind | None, slide: SlideName | None) -> Iterator[tuple[int, Any]]:
    if kind == Kind.XML:
        with open_bytes(source) as file:
            features = read_xml(file.read(MOST_XML + 1), slide)
        yield from ((feature[ROW], feature) for feature in features)
    elif kind == Kind.ARCHIVE:
        with open_bytes(source) as file:
            yield from enumerate(read_archive(file, slide))
    elif kind == Kind.JSON:
        streamed = stream_features(lambda: open_bytes(source), slide.name if slide else None)
        yield from ((_row_of(feature, row), feature) for row, feature in enumerate(streamed))
    else:
        message = Message(
            "not_json",
            reason=Message("json_no_start"),
        )
        raise NotGeoJsonError(message)
