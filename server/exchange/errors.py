"""Errors of the exchange app."""

from __future__ import annotations

from server.core.errors import ContentError, TooLargeError


class NotGeoJsonError(ContentError):
    """The file is not GeoJSON."""

    code = "not_geojson"


class TooManyFeaturesError(TooLargeError):
    """More shapes than are stored as annotations."""

    code = "too_many_features"


class NotReviewedError(ContentError):
    """Unreviewed shapes are suggestions and no annotations."""

    code = "not_reviewed"


class BadObjectFileError(ContentError):
    """A file of objects that is refused as a whole. ``rows`` names the error of each row."""

    code = "bad_object_file"


class BadForeignFileError(ContentError):
    """A file of HistoML, ASAP or Aperio that is refused as a whole."""

    code = "bad_foreign_file"


class BadMappingError(ContentError):
    """A class of the file is mapped to a label outside the project."""

    code = "bad_mapping"


class ClassQuestionError(ContentError):
    """Names of classes differ in letter case only, without a mapping. ``questions`` has each."""

    code = "class_question"


class RowsRefusedError(ContentError):
    """A row is invalid, and the user asked for all or nothing. ``rows`` gives each reason."""

    code = "rows_refused"


class UploadGoneError(ContentError):
    """The file of a preview is no longer kept on the server."""

    code = "upload_gone"
