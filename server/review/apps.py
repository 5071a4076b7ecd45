"""The ``review`` app."""

from __future__ import annotations

from django.apps import AppConfig


class ReviewConfig(AppConfig):
    """Configuration of the app under its short name."""

    name = "server.review"
    label = "review"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the counts of suggestions for the gallery."""
        from server.review.counts import register  # noqa: PLC0415 - models are loaded now

        register()
