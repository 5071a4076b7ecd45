"""What the review app refuses."""

from __future__ import annotations

from server.core.errors import ConflictError, ContentError, NotAllowedError, StateError


class AlreadyDecidedError(ConflictError):
    """Somebody gave a verdict on one of these suggestions; say ``replace`` to change it."""

    code = "already_decided"


class NothingConcernedError(ContentError):
    """No open suggestion is meant."""

    code = "nothing_concerned"


class AlreadyUndoneError(StateError):
    """The verdict has been taken back, or is itself an undoing."""

    code = "already_undone"


class NotYourVerdictError(NotAllowedError):
    """A reviewer takes back their own verdicts; a manager anybody's."""

    code = "not_your_verdict"


class BadCursorError(ContentError):
    """The place in the queue is not one that the queue gave out."""

    code = "bad_cursor"
