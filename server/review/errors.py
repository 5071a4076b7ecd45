"""Errors of the review app."""

from __future__ import annotations

from server.core.errors import ConflictError, ContentError, NotAllowedError, StateError


class AlreadyDecidedError(ConflictError):
    """One of the suggestions has a verdict already; ``replace`` overwrites it."""

    code = "already_decided"


class NothingConcernedError(ContentError):
    """The verdict concerns no open suggestion."""

    code = "nothing_concerned"


class AlreadyUndoneError(StateError):
    """The verdict was undone already, or is itself an undoing."""

    code = "already_undone"


class NotYourVerdictError(NotAllowedError):
    """A reviewer undoes their own verdicts; a manager anybody's."""

    code = "not_your_verdict"


class BadCursorError(ContentError):
    """The cursor is not one of the queue."""

    code = "bad_cursor"
