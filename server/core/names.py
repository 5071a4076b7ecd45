"""Names that people give, checked in one place: see ``ml.storage.names`` for the characters."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import serializers

from ml.messages import Message
from ml.storage.names import describe_character, is_visible, normal_name, refused_character
from server.core.errors import ContentError

_LONGEST_PATH: Final = 500


class NameField(serializers.CharField):
    """A name, trimmed and stored in normalisation form C."""

    def to_internal_value(self, data: Any) -> str:
        """Return the name; raises ContentError that names a refused character."""
        text = data if isinstance(data, str) else str(data)
        if text:
            text = check_characters(text.strip(), field=self.field_name or None)
        return super().to_internal_value(text if isinstance(data, str) else data)


def check_characters(text: str, *, field: str | None = None, code: str = "unsafe_name") -> str:
    """Return the text in normalisation form C; raises ContentError that names a refused character."""
    refused = refused_character(text)
    if refused is not None:
        detail = Message(
            "name_character",
            character=describe_character(refused),
        )
        raise ContentError(detail, code=code, field=field)
    if text and not is_visible(text):
        detail = Message("name_invisible")
        raise ContentError(detail, code=code, field=field)
    return normal_name(text)


def check_relative_path(text: str) -> str:
    """Return a relative path within its root, in normalisation form C.

    Raises ContentError (``unsafe_name``) for an empty or absolute path, for ``..``, backslashes, and
    characters that no name may hold; the sentence names the character.
    """
    parts = text.split("/")
    if "\\" in text:
        detail = Message("path_backslash")
        raise ContentError(detail, code="unsafe_name")
    if not text or len(text) > _LONGEST_PATH or {"", ".", ".."} & set(parts):
        detail = Message(
            "path_not_relative",
            most=_LONGEST_PATH,
        )
        raise ContentError(detail, code="unsafe_name")
    return check_characters(text)
