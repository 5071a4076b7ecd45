"""The ``learning`` app."""

from __future__ import annotations

from django.apps import AppConfig


class LearningConfig(AppConfig):
    """Configuration of the app under its short name."""

    name = "server.learning"
    label = "learning"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the sweep of unreferenced files, and the counts of drawn shapes."""
        from server.annotations.callbacks import on_shapes_changed  # noqa: PLC0415 - needs the models
        from server.core.files import leftovers  # noqa: PLC0415 - the same
        from server.learning.models import Atlas, Explanation, Snapshot  # noqa: PLC0415 - the same
        from server.learning.snapshots.files import FOLDER  # noqa: PLC0415 - the same
        from server.learning.summaries.services import count_changed_shapes  # noqa: PLC0415 - the same

        for folder, model, field in (
            (FOLDER, Snapshot, "storage_key"),
            ("atlases", Atlas, "storage_key"),
            ("explanations", Explanation, "map_key"),
        ):
            leftovers.register_holding(folder, leftovers.used_by_rows(folder, model, field))
        on_shapes_changed("learning", count_changed_shapes)
