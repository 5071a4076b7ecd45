"""The ``inference`` app."""

from __future__ import annotations

from django.apps import AppConfig


class InferenceConfig(AppConfig):
    """Configuration of the app under its short name."""

    name = "server.inference"
    label = "inference"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the computation of features for new slides, and the sweep of those of deleted slides."""
        from server.core.files import leftovers  # noqa: PLC0415 - models are loaded now
        from server.inference import hooks  # noqa: PLC0415 - the same

        hooks.register()
        leftovers.register_holding("features", hooks.features_in_use, hooks.FEATURES_KEPT)
        leftovers.register_holding("features/contents", lambda _names: (), hooks.FEATURES_KEPT)
