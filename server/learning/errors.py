"""What learning refuses."""

from __future__ import annotations

from server.core.errors import ConflictError, ContentError, StateError


class UnknownRecipeError(ContentError):
    """No recipe has this name."""

    code = "unknown_recipe"


class NotReadyError(ContentError):
    """The labels cannot be learned from yet; ``problems`` says why, each with what to do."""

    code = "not_ready"


class RoundRunningError(ConflictError):
    """The same labels are being learned from with the same settings right now."""

    code = "round_running"


class SnapshotDamagedError(StateError):
    """The stored file of a snapshot is gone or is not what was written."""

    code = "snapshot_damaged"
