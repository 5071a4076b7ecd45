"""The ``annotations`` app."""

from __future__ import annotations

from django.apps import AppConfig


class AnnotationsConfig(AppConfig):
    """Configuration of the app under its short name."""

    name = "server.annotations"
    label = "annotations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the counts of annotations for the gallery."""
        from server.annotations.counts import register  # noqa: PLC0415 - models are loaded now

        register()
