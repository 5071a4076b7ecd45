"""The ``exchange`` app."""

from __future__ import annotations

from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    """Registers the app under its short name."""

    name = "server.exchange"
    label = "exchange"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Make the kind of job known to web processes too: they ask whether one may run again."""
        from server.exchange import tasks  # noqa: F401, PLC0415 - needs the models
