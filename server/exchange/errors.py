"""What the exchange app refuses."""

from __future__ import annotations

from server.core.errors import ContentError, TooLargeError


class NotGeoJsonError(ContentError):
    """The file is not GeoJSON."""

    code = "not_geojson"


class TooManyFeaturesError(TooLargeError):
    """More shapes than are kept as annotations."""

    code = "too_many_features"


class NotReviewedError(ContentError):
    """Shapes that nobody has looked at yet are suggestions and no annotations."""

    code = "not_reviewed"


class BadObjectFileError(ContentError):
    """A file of objects that is refused as a whole. ``rows`` says what is wrong with which row."""

    code = "bad_object_file"


class BadForeignFileError(ContentError):
    """A file of HistoML, ASAP or Aperio that is refused as a whole."""

    code = "bad_foreign_file"
