"""The ``projects`` app."""

from __future__ import annotations

from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    """Configuration of the app under its short name."""

    name = "server.projects"
    label = "projects"
    default_auto_field = "django.db.models.BigAutoField"
