"""Suggestions without a model, as the tests of reviewing make them."""

from __future__ import annotations

from tests.server.review.conftest import suggest

__all__ = ["suggest"]
