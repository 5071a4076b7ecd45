"""The features of a GeoJSON file one after the other, however large the file is."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import IO, Any, Final

from ml.contracts import Sentence
from server.exchange.errors import NotGeoJsonError

CHUNK: Final = 2**20
# A feature may be this long in characters; half a million vertices need about a quarter of it.
MOST_CHARACTERS: Final = 64 * 2**20
_SPACE: Final = " \t\r\n"


def stream_features(file: IO[bytes]) -> Iterator[Any]:
    """Yield the features of a collection or a list of them; raises NotGeoJsonError where it breaks off."""
    text = _Text(file)
    opening = text.peek()
    if opening == "{":
        text.take("{")
        _go_to_features(text)
    elif opening != "[":
        message = Sentence(
            "geojson_neither", "The file is neither a FeatureCollection nor a list of features."
        )
        raise NotGeoJsonError(message)
    text.take("[")
    if text.peek() == "]":
        return
    while True:
        yield text.value()
        if text.take(",]") == "]":
            return


def _go_to_features(text: _Text) -> None:
    """Go on to the list of features of a collection that has just been opened."""
    while text.peek() != "}":
        key = text.value()
        text.take(":")
        if key == "features" and text.peek() == "[":
            return
        text.value()
        if text.peek() == ",":
            text.take(",")
    message = Sentence("geojson_no_collection", "The file is JSON, but not a FeatureCollection.")
    raise NotGeoJsonError(message)


class _Text:
    """A window that moves along a JSON text: the part that is not understood yet."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._parse = json.JSONDecoder().raw_decode
        self._window = ""
        self._at = 0
        self._ended = False

    def peek(self) -> str:
        """Return the next character that is no space; raises NotGeoJsonError at the end of the file."""
        while True:
            while self._at < len(self._window) and self._window[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._window):
                return self._window[self._at]
            if not self._more(CHUNK):
                message = Sentence(
                    "file_breaks_off",
                    "The file breaks off in the middle; it was not written or sent to its end.",
                )
                raise NotGeoJsonError(message)

    def take(self, allowed: str) -> str:
        """Return the next character, which must be one of those allowed."""
        found = self.peek()
        if found not in allowed:
            message = Sentence(
                "json_stands",
                "The file is not JSON: {found} stands where {wanted} is expected.",
                found=found,
                wanted=" or ".join(allowed),
            )
            raise NotGeoJsonError(message)
        self._at += 1
        return found

    def value(self) -> Any:
        """Return the next value, reading on until it is whole."""
        self.peek()
        size = CHUNK
        while True:
            try:
                found, end = self._parse(self._window, self._at)
            except (ValueError, RecursionError) as error:
                waiting = len(self._window) - self._at
                if isinstance(error, RecursionError) or waiting > MOST_CHARACTERS or not self._more(size):
                    message = Sentence(
                        "json_broken",
                        "The file is not JSON, or breaks off in the middle: {reason}.",
                        reason=str(error),
                    )
                    raise NotGeoJsonError(message) from error
                # Twice as much each time, so that a long value is not read over and over.
                size *= 2
                continue
            if end == len(self._window) and self._more(CHUNK):
                continue
            self._at = end
            return found

    def _more(self, size: int) -> bool:
        if self._ended:
            return False
        content = self._file.read(size)
        self._ended = not content
        try:
            self._window = self._window[self._at :] + self._decode(content, self._ended)
        except UnicodeDecodeError as error:
            message = Sentence("not_utf8", "The file is not UTF-8 text.")
            raise NotGeoJsonError(message) from error
        self._at = 0
        return not self._ended
