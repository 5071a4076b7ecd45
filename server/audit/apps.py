"""The ``audit`` app."""

from __future__ import annotations

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Configuration of the app under its short name."""

    name = "server.audit"
    label = "audit"
    default_auto_field = "django.db.models.BigAutoField"
