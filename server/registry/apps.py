"""The ``registry`` app."""

from __future__ import annotations

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """Registers the app under its short name."""

    name = "server.registry"
    label = "registry"
    default_auto_field = "django.db.models.BigAutoField"
