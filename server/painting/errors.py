"""Errors of the painting app."""

from __future__ import annotations

from server.core.errors import ContentError


class CannotPaintError(ContentError):
    """The slide has no pixels yet, or several channels."""

    code = "cannot_paint"
