"""Errors of the registry app."""

from __future__ import annotations

from server.core.errors import ConflictError, StateError


class AlreadyCurrentError(ConflictError):
    """The version is current already."""

    code = "already_current"


class WeightsNameTakenError(ConflictError):
    """There are weights of that name already."""

    code = "weights_name_taken"


class NothingBeforeError(StateError):
    """There is no previous version to roll back to."""

    code = "nothing_before"


class WeightsMissingError(StateError):
    """The files of a version are missing or altered."""

    code = "weights_missing"
