"""Parser for untrusted XML: no document types, so that no entity is ever expanded or fetched."""

from __future__ import annotations

from typing import Final
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from ml.contracts import DataError
from ml.messages import Message

MOST_BYTES: Final = 512 * 2**20


class _Plain(TreeBuilder):
    """An element tree builder that refuses a document type."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        """Raise: entities are declared in document types, and no file that is read here needs one."""
        message = Message(
            "xml_doctype",
            name=str(name or pubid or system),
        )
        raise DataError(message, code="bad_xml")


def parse_xml(content: bytes) -> Element:
    """Return the root element; raises DataError(``bad_xml``) with the place of the syntax error."""
    if len(content) > MOST_BYTES:
        message = Message(
            "xml_too_large",
            most=MOST_BYTES // 2**20,
        )
        raise DataError(message, code="bad_xml")
    parser = XMLParser(target=_Plain())  # noqa: S314 - document types are refused above
    try:
        parser.feed(content)
        root = parser.close()
    # A text in an encoding that Python lacks raises LookupError or ValueError.
    except (ParseError, LookupError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        message = Message("xml_broken", reason=error)
        raise DataError(message, code="bad_xml") from error
    if not isinstance(root, Element):
        message = Message("xml_empty")
        raise DataError(message, code="bad_xml")
    return root
