"""The ``slides`` app."""

from __future__ import annotations

from django.apps import AppConfig


class SlidesConfig(AppConfig):
    """Registers the app under its short name."""

    name = "server.slides"
    label = "slides"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have new slides mapped where their project says so."""
        from server.slides import hooks, quality  # noqa: PLC0415 - models exist only now

        hooks.on_slide_ready("quality", quality.map_new_slide)
