"""Recognition of a full disk, in whichever part of the server it occurs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.db.utils import OperationalError

from ml.contracts import DataError
from ml.messages import Message
from ml.storage.room import is_full

NO_SPACE: Final = "no_space"
_POSTGRESQL_DISK_FULL: Final = "53100"
_SQLITE_DISK_FULL: Final = "database or disk is full"


def is_disk_full(error: BaseException) -> bool:
    """Return whether an error, or one that caused it, is a full disk or an exceeded quota."""
    return any(_is_of_full_disk(each) for each in _chain(error))


def disk_full() -> Message:
    """Return the message about a full disk."""
    return Message("disk_full")


def _is_of_full_disk(error: BaseException) -> bool:
    if isinstance(error, DataError):
        return error.code == NO_SPACE
    if isinstance(error, OperationalError) and _SQLITE_DISK_FULL in str(error):
        return True
    if getattr(error, "sqlstate", None) == _POSTGRESQL_DISK_FULL:
        return True
    return isinstance(error, OSError) and is_full(error)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
