"""The ``exchange`` app."""

from __future__ import annotations

from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    """Registers the app under its short name."""

    name = "server.exchange"
    label = "exchange"
    default_auto_field = "django.db.models.BigAutoField"
