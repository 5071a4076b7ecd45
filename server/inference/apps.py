"""The ``inference`` app."""

from __future__ import annotations

from django.apps import AppConfig


class InferenceConfig(AppConfig):
    """Registers the app under its short name."""

    name = "server.inference"
    label = "inference"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have features of new slides computed."""
        from server.inference.hooks import register  # noqa: PLC0415 - models are loaded now

        register()
