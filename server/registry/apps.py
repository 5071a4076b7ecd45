"""The ``registry`` app."""

from __future__ import annotations

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """Configuration of the app under its short name."""

    name = "server.registry"
    label = "registry"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the sweep of weights without a version."""
        from server.core.files import leftovers  # noqa: PLC0415 - needs the models
        from server.registry import models, uploads, weights  # noqa: PLC0415 - the same

        for folder, model in (
            (weights.FOLDER, models.ModelVersion),
            (uploads.FOLDER, models.UploadedWeights),
        ):
            leftovers.register_holding(folder, leftovers.used_by_rows(folder, model, "storage_key"))
