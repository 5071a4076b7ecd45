"""What the registry refuses."""

from __future__ import annotations

from server.core.errors import ConflictError, StateError


class AlreadyCurrentError(ConflictError):
    """The version is the current one already."""

    code = "already_current"


class WeightsNameTakenError(ConflictError):
    """There are weights of that name already."""

    code = "weights_name_taken"


class NothingBeforeError(StateError):
    """There is no version to go back to."""

    code = "nothing_before"


class WeightsMissingError(StateError):
    """The files of a version are gone or differ from what was stored."""

    code = "weights_missing"
