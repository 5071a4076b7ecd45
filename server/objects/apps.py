"""The ``objects`` app."""

from __future__ import annotations

from django.apps import AppConfig


class ObjectsConfig(AppConfig):
    """Registers the app under its short name."""

    name = "server.objects"
    label = "objects"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have the files of a slide's object sets deleted with the slide."""
        from server.objects.services import drop_files_of  # noqa: PLC0415 - needs the models
        from server.slides.hooks import on_slide_deleted  # noqa: PLC0415 - the same

        on_slide_deleted("object files", drop_files_of)
