"""What the slides app refuses, by name."""

from __future__ import annotations

from server.core.errors import ConflictError, ContentError, NotAllowedError, StateError


class DuplicateSlideError(ConflictError):
    """The project has a slide of this content."""

    code = "duplicate_slide"


class SlideDeletedError(StateError):
    """Somebody removed the slide while it was being imported."""

    code = "slide_deleted"


class SlideFilesMissingError(ContentError):
    """The files that an import was to read are not in the storage."""

    code = "files_missing"


class UploadUnfinishedError(StateError):
    """Files of a folder are still on their way."""

    code = "upload_unfinished"


class NothingToImportError(ContentError):
    """No file of a folder is a slide."""

    code = "nothing_to_import"


class NoDwellConsentError(NotAllowedError):
    """Where somebody looks is stored with their consent only."""

    code = "no_dwell_consent"
