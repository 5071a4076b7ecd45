"""What the annotations app refuses."""

from __future__ import annotations

from server.core.errors import ConflictError, ContentError, NotAllowedError


class BadGeometryError(ContentError):
    """The shape cannot be kept as it is, nor mended."""

    code = "bad_geometry"


class StaleRevisionError(ConflictError):
    """Somebody changed the annotation after the revision that the edit starts from."""

    code = "stale_revision"


class IdTakenError(ConflictError):
    """Another shape has this id already."""

    code = "id_taken"


class BadLabelError(ContentError):
    """The label is not of this project, or is retired."""

    code = "bad_label"


class NotYoursError(NotAllowedError):
    """An annotator changes what they drew; reviewers may change what others drew."""

    code = "not_yours"
