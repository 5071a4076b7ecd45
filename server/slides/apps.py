"""The ``slides`` app."""

from __future__ import annotations

from django.apps import AppConfig


class SlidesConfig(AppConfig):
    """Registers the app under its short name."""

    name = "server.slides"
    label = "slides"
    default_auto_field = "django.db.models.BigAutoField"
