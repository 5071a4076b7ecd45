"""The ``accounts`` app."""

from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Configuration of the app under its short name."""

    name = "server.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.BigAutoField"
