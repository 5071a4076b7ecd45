"""The ``jobs`` app."""

from __future__ import annotations

from django.apps import AppConfig


class JobsConfig(AppConfig):
    """Configuration of the app under its short name."""

    name = "server.jobs"
    label = "jobs"
    default_auto_field = "django.db.models.BigAutoField"
