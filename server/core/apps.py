"""The ``core`` app."""

from __future__ import annotations

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Registers the app under its short name."""

    name = "server.core"
    label = "core"
