"""The app that composes the others; it holds the management commands of the whole installation."""

from __future__ import annotations

from django.apps import AppConfig


class CompositionConfig(AppConfig):
    """Registers the app under its short name."""

    name = "server.config"
    label = "config"
