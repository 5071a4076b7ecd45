"""Errors of the objects app."""

from __future__ import annotations

from typing import Final

from ml.messages import Message
from server.core.errors import NotVisibleError, StateError

STILL_WRITTEN: Final = Message("objects_still_written")


class ObjectSetNotReadyError(StateError):
    """The set is still being written, or writing it failed."""

    code = "object_set_not_ready"


class NotBroughtError(StateError):
    """The set was made by a model; only imported sets can be withdrawn."""

    code = "object_set_not_brought"


class NoObjectError(NotVisibleError):
    """The set has no object of this number, or none at this place."""
