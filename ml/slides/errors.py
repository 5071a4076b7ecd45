"""Errors of slide files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ml.contracts import DataError
from ml.messages import Message


class SlideError(Exception):
    """Error of a slide that cannot be opened or read.

    ``code`` is stable and meant for programs: ``missing``, ``not_a_slide``, ``unsupported``,
    ``too_large``, ``several_channels`` or ``unreadable``, else that of the message.
    """

    def __init__(self, detail: Message, code: str = "") -> None:
        super().__init__(detail, code)
        self.detail = detail
        self.code = code or detail.code

    def __str__(self) -> str:
        """Return the detail. Both parts are arguments, so that the error can cross to another process."""
        return str(self.detail)


@contextmanager
def errors_with_names(names: Mapping[str, str]) -> Iterator[None]:
    """Re-raise SlideError and DataError with the given names; ``names`` maps the name of each file to one.

    A SlideError of one file that names no file is prefixed with its name.
    """
    try:
        yield
    except DataError as error:
        raise type(error)(with_names(error.detail, names), error.code) from error
    except SlideError as error:
        detail = with_names(error.detail, names)
        if len(names) == 1 and not any(given in str(detail) for given in names.values()):
            [given] = names.values()
            detail = Message("of_file", file=given, reason=detail)
        raise type(error)(detail, error.code) from error


def with_names(message: Message, names: Mapping[str, str]) -> Message:
    """Return a message with each file name replaced by the name that people gave."""
    if all(stored == given for stored, given in names.items()):
        return message
    return Message(message.code, **{name: _renamed(value, names) for name, value in message.params.items()})


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for stored, given in names.items():
            value = value.replace(stored, given)
        return value
    return with_names(value, names) if isinstance(value, Message) else value
