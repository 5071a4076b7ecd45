"""Errors of the learning app."""

from __future__ import annotations

from server.core.errors import ConflictError, ContentError, StateError


class UnknownRecipeError(ContentError):
    """No recipe has this name."""

    code = "unknown_recipe"


class NotReadyError(ContentError):
    """The labels are not sufficient yet; ``problems`` lists the reasons, each with what to do."""

    code = "not_ready"


class RoundRunningError(ConflictError):
    """A round on the same labels with the same settings is running."""

    code = "round_running"


class SnapshotDamagedError(StateError):
    """The stored file of a snapshot is missing or altered."""

    code = "snapshot_damaged"
