"""The app that composes the others; it holds the management commands of the whole installation."""

from __future__ import annotations

import os
from contextlib import suppress

from django.apps import AppConfig
from django.conf import settings
from django.utils.module_loading import autodiscover_modules


class CompositionConfig(AppConfig):
    """Configuration of the app, which makes files of its processes private to their user."""

    name = "server.config"
    label = "config"

    def ready(self) -> None:
        """Load every kind of job, and make the data folder private to its user."""
        # Web processes end jobs too: what a kind does to its subject then must be known there.
        autodiscover_modules("tasks")
        os.umask(0o077)
        # A folder that another user owns stays as its owner has it.
        with suppress(OSError):
            settings.HOME.chmod(0o700)
            for path in settings.HOME.glob("coverslip.sqlite3*"):
                path.chmod(0o600)
