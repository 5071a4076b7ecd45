"""The ``painting`` app."""

from __future__ import annotations

from django.apps import AppConfig


class PaintingConfig(AppConfig):
    """Configuration of the app under its short name."""

    name = "server.painting"
    label = "painting"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the sweep of pictures that no painting shows any more."""
        from server.core.files import leftovers  # noqa: PLC0415 - models are loaded now
        from server.painting import selectors  # noqa: PLC0415 - the same
        from server.painting.pictures import FOLDER  # noqa: PLC0415 - the same

        leftovers.register_holding(FOLDER, selectors.pictures_in_use)
