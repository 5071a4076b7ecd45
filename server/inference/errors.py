"""Errors of the inference app."""

from __future__ import annotations

from server.core.errors import ContentError


class NothingToPredictError(ContentError):
    """There is no slide to predict."""

    code = "nothing_to_predict"


class SlidesUnknownError(ContentError):
    """A requested slide is not in the project, or is not ready."""

    code = "slides_unknown"


class SeveralChannelsError(ContentError):
    """A slide has channels, and the model reads colour images."""

    code = "several_channels"


class OtherChannelsError(ContentError):
    """A slide lacks the channels that the model reads, or has others."""

    code = "other_channels"


class BadRegionError(ContentError):
    """The region is no valid area, or is outside the slide."""

    code = "bad_region"
