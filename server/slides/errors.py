"""Errors of the slides app."""

from __future__ import annotations

from server.core.errors import ConflictError, ContentError, NotAllowedError, StateError


class DuplicateSlideError(ConflictError):
    """The project has a slide with this content."""

    code = "duplicate_slide"


class SlideDeletedError(StateError):
    """The slide was deleted during its import."""

    code = "slide_deleted"


class ContentGoneError(Exception):
    """The stored files were deleted with their last slide, before another slide referred to them."""


class SlideFilesMissingError(ContentError):
    """The files of an import are not in the storage."""

    code = "files_missing"


class UploadUnfinishedError(StateError):
    """Files of a folder are still being uploaded."""

    code = "upload_unfinished"


class NothingToImportError(ContentError):
    """No file of a folder is a slide."""

    code = "nothing_to_import"


class NoDwellConsentError(NotAllowedError):
    """Views are stored with the user's consent only."""

    code = "no_dwell_consent"


class UnreadableSlideError(ContentError):
    """No reader supports the file."""

    code = "unreadable_slide"
