"""What the objects app refuses."""

from __future__ import annotations

from server.core.errors import NotVisibleError, StateError


class ObjectSetNotReadyError(StateError):
    """The set is still being written, or writing it failed."""

    code = "object_set_not_ready"


class NoObjectError(NotVisibleError):
    """The set has no object of this number, or none at this place."""
