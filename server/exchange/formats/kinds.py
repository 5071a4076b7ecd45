"""Recognition of a file's format by its first bytes."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from server.exchange.formats.encodings import find_encoding

# So many bytes are enough, unless a text begins with a long space.
START: Final = 1024


class Kind(StrEnum):
    """Formats that are supported."""

    JSON = "json"
    XML = "xml"
    ARCHIVE = "archive"
    PARQUET = "parquet"
    ARROW = "arrow"
    ARROW_STREAM = "arrow stream"


_MAGIC: Final = (
    (b"PK\x03\x04", Kind.ARCHIVE),
    (b"PK\x05\x06", Kind.ARCHIVE),
    (b"PAR1", Kind.PARQUET),
    (b"ARROW1", Kind.ARROW),
    (b"\xff\xff\xff\xff", Kind.ARROW_STREAM),
)
TABLES: Final = frozenset({Kind.PARQUET, Kind.ARROW, Kind.ARROW_STREAM})


def find_kind(start: bytes) -> Kind | None:
    """Return the format of a file by its first bytes, unpacked; None for another format."""
    for magic, kind in _MAGIC:
        if start.startswith(magic):
            return kind
    text = start.decode(find_encoding(start), errors="ignore").lstrip("\ufeff \t\r\n\x1e")
    if text.startswith("<"):
        return Kind.XML
    # An empty text, or one of spaces so far, is left to the reader of JSON, which says what is missing.
    return Kind.JSON if not text or text[0] in "[{" else None
