"""The ``learning`` app."""

from __future__ import annotations

from django.apps import AppConfig


class LearningConfig(AppConfig):
    """Registers the app under its short name."""

    name = "server.learning"
    label = "learning"
    default_auto_field = "django.db.models.BigAutoField"
