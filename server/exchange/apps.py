"""The ``exchange`` app."""

from __future__ import annotations

from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    """Configuration of the app under its short name."""

    name = "server.exchange"
    label = "exchange"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the sweep of uploaded files that nothing reads any more."""
        from server.core.files import leftovers  # noqa: PLC0415 - needs the models
        from server.exchange.imports.held_files import FOLDER  # noqa: PLC0415 - the same

        parent, _, previews = FOLDER.partition("/")
        leftovers.register_holding(parent, lambda _names: {previews})
        leftovers.register_holding(FOLDER, lambda _names: ())
