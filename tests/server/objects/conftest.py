"""Suggestions without a model, as in the tests of review."""

from __future__ import annotations

from tests.server.review.conftest import suggest

__all__ = ["suggest"]
