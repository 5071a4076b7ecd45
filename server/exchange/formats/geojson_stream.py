"""Read the features of a JSON file one after the other, however large the file is.

A FeatureCollection, a list, a single feature, a bare geometry, one value a line (NDJSON), a GeoJSON text
sequence (RFC 8142), QuPath's object hierarchy, annotations of the Digital Slide Archive, or COCO.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Final

from ml.contracts import DataError
from ml.formats.coco import is_coco, read_coco
from ml.messages import Message
from server.exchange.errors import BadForeignFileError, NotGeoJsonError
from server.exchange.formats.dsa import is_annotation, read_element, read_elements
from server.exchange.formats.encodings import find_encoding

CHUNK: Final = 2**20
# A feature may be this long in characters; half a million vertices need about a quarter of it.
MOST_CHARACTERS: Final = 64 * 2**20
GEOMETRIES: Final = frozenset(
    {
        "Point",
        "MultiPoint",
        "LineString",
        "MultiLineString",
        "Polygon",
        "MultiPolygon",
        "GeometryCollection",
    }
)
# A record of a text sequence begins with the record separator.
_SPACE: Final = " \t\r\n\x1e"
# Lists that are streamed: the key in the document, or in its member ``annotation``.
_FEATURES, _ELEMENTS, _ANNOTATION = "features", "elements", "annotation"


def stream_features(open_file: Callable[[], IO[bytes]], slide: str | None = None) -> Iterator[Any]:
    """Yield the features of a JSON file.

    ``open_file`` opens it at its start; a file of the Digital Slide Archive may be read twice. Of a COCO
    file with several images the one named ``slide`` is read. Anything that is neither a feature nor a
    geometry is yielded as it is. Raises NotGeoJsonError where the text breaks off.
    """
    with open_file() as file:
        text = _Text(file)
        if text.peek() == "[":
            for item in _items(text):
                yield from _features_of(item)
        elif text.peek() == "{":
            yield from _document(text, open_file, slide)
        else:
            raise _neither()
        while text.has_more():
            yield from _document(text, open_file, slide) if text.peek() == "{" else _items(text)


def _neither() -> NotGeoJsonError:
    message = Message("geojson_neither")
    return NotGeoJsonError(message)


def _items(text: _Text) -> Iterator[Any]:
    """Yield the items of a list."""
    text.take("[")
    if text.peek() == "]":
        text.take("]")
        return
    while True:
        yield text.value()
        if text.take(",]") == "]":
            return


@dataclass(slots=True)
class _Members:
    """The members of a document besides the streamed one, and the number of lists."""

    values: dict[str, Any] = field(default_factory=dict)
    streamed: int = 0


def _document(text: _Text, open_file: Callable[[], IO[bytes]], slide: str | None) -> Iterator[Any]:
    members = _Members()
    yield from _members(text, members, open_file)
    if members.streamed:
        return
    if is_coco(members.values):
        yield from _coco(members.values, slide)
        return
    features = list(_features_of(members.values))
    if features == [members.values] and not _is_feature(members.values):
        message = Message("geojson_no_collection")
        raise NotGeoJsonError(message)
    yield from features


def _coco(document: Mapping[str, Any], slide: str | None) -> Iterator[dict[str, Any]]:
    try:
        yield from read_coco(document, slide)
    except DataError as error:
        raise BadForeignFileError(error.detail) from error


def _members(text: _Text, members: _Members, open_file: Callable[[], IO[bytes]]) -> Iterator[Any]:
    """Collect the members of an object; yield the features of its large list."""
    text.take("{")
    while text.peek() != "}":
        key = text.value()
        text.take(":")
        opening = text.peek()
        if key == _FEATURES and opening == "[":
            members.streamed += 1
            for item in _items(text):
                yield from _features_of(item)
        elif key == _ELEMENTS and opening == "[":
            members.streamed += 1
            name = members.values.get("name") or _find_name(open_file)
            for element in _items(text):
                yield read_element(element, name)
        elif key == _ANNOTATION and opening == "{":
            yield from _members(text, members, open_file)
        else:
            members.values[str(key)] = text.value()
        if text.peek() == ",":
            text.take(",")
    text.take("}")


def _find_name(open_file: Callable[[], IO[bytes]]) -> str:
    """Return the name of an annotation of the Digital Slide Archive, which may follow its elements."""
    with open_file() as file:
        text = _Text(file)
        return _name_in(text) if text.peek() == "{" else ""


def _name_in(text: _Text) -> str:
    text.take("{")
    while text.peek() != "}":
        key = text.value()
        text.take(":")
        if key == _ANNOTATION and text.peek() == "{":
            return _name_in(text)
        if key == _ELEMENTS and text.peek() == "[":
            for _ in _items(text):
                pass
        else:
            value = text.value()
            if key == "name" and isinstance(value, str):
                return value
        if text.peek() == ",":
            text.take(",")
    return ""


def _is_feature(item: Any) -> bool:
    return isinstance(item, Mapping) and (item.get("type") == "Feature" or "geometry" in item)


def _features_of(item: Any) -> Iterator[Any]:
    """Yield the features of one value of a file; other values unchanged."""
    if not isinstance(item, Mapping) or _is_feature(item):
        yield item
    elif str(item.get("type")) in GEOMETRIES:
        yield {"type": "Feature", "geometry": item, "properties": {}}
    elif isinstance(item.get(_FEATURES), list):
        for feature in item[_FEATURES]:
            yield from _features_of(feature)
    elif isinstance(root := item.get("root"), Mapping):
        yield {"type": "Feature", "id": "PathRootObject", "properties": root.get("properties", root)}
    elif is_annotation(item):
        yield from read_elements(item)
    else:
        yield item


class _Text:
    """A sliding window over a JSON text: the part that is not parsed yet."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._start = file.read(4)
        self._encoding = find_encoding(self._start)
        self._decode = codecs.getincrementaldecoder(self._encoding)().decode
        self._parse = json.JSONDecoder().raw_decode
        self._window = ""
        self._at = 0
        self._ended = False

    def has_more(self) -> bool:
        """Return whether more than whitespace follows."""
        while True:
            while self._at < len(self._window) and self._window[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._window):
                return True
            if not self._more(CHUNK):
                return False

    def peek(self) -> str:
        """Return the next character that is no whitespace; raises NotGeoJsonError at the end of the file."""
        if not self.has_more():
            message = Message(
                "file_breaks_off",
            )
            raise NotGeoJsonError(message)
        return self._window[self._at]

    def take(self, allowed: str) -> str:
        """Return the next character, which must be one of those allowed."""
        character = self.peek()
        if character not in allowed:
            message = Message(
                "json_stands",
                found=character,
                wanted=" or ".join(allowed),
            )
            raise NotGeoJsonError(message)
        self._at += 1
        return character

    def value(self) -> Any:
        """Return the next value, reading until it is complete."""
        self.peek()
        size = CHUNK
        while True:
            try:
                value, end = self._parse(self._window, self._at)
            except (ValueError, RecursionError) as error:
                waiting = len(self._window) - self._at
                if isinstance(error, RecursionError) or waiting > MOST_CHARACTERS or not self._more(size):
                    message = Message(
                        "json_broken",
                        reason=error,
                    )
                    raise NotGeoJsonError(message) from error
                # Twice as much each time, so that a long value is not read over and over.
                size *= 2
                continue
            if end == len(self._window) and self._more(CHUNK):
                continue
            self._at = end
            return value

    def _more(self, size: int) -> bool:
        if self._ended:
            return False
        content = self._start + self._file.read(size)
        self._start = b""
        self._ended = not content
        try:
            self._window = self._window[self._at :] + self._decode(content, self._ended)
        except UnicodeDecodeError as error:
            message = Message("not_utf8")
            raise NotGeoJsonError(message) from error
        self._at = 0
        return not self._ended
