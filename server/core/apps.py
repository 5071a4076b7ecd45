"""The ``core`` app."""

from __future__ import annotations

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Configuration of the app under its short name."""

    name = "server.core"
    label = "core"

    def ready(self) -> None:
        """Register the sweep of temporary folders whose process was killed."""
        from server.core.files import leftovers, storage  # noqa: PLC0415 - needs the settings

        leftovers.register_holding(storage.TEMPORARY, storage.temporary_in_use)
