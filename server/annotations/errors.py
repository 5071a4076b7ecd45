"""Errors of the annotations app."""

from __future__ import annotations

from server.core.errors import ConflictError, ContentError, NotAllowedError


class BadGeometryError(ContentError):
    """The shape cannot be stored as it is, nor repaired."""

    code = "bad_geometry"


class StaleRevisionError(ConflictError):
    """The annotation was changed after the revision that the edit starts from."""

    code = "stale_revision"


class IdTakenError(ConflictError):
    """Another shape already has this id."""

    code = "id_taken"


class BadLabelError(ContentError):
    """The label is not of this project, or is retired."""

    code = "bad_label"


class NotYoursError(NotAllowedError):
    """An annotator may change only their own shapes; reviewers may change those of others."""

    code = "not_yours"
