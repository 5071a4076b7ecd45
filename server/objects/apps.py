"""The ``objects`` app."""

from __future__ import annotations

from django.apps import AppConfig


class ObjectsConfig(AppConfig):
    """Configuration of the app under its short name."""

    name = "server.objects"
    label = "objects"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the deletion of a slide's object sets with the slide."""
        from server.core.files import leftovers  # noqa: PLC0415 - needs the models
        from server.objects.models import HeatMap, ObjectSet  # noqa: PLC0415 - the same
        from server.objects.services import drop_files_of  # noqa: PLC0415 - the same
        from server.objects.storage import FOLDER, HEAT_MAPS  # noqa: PLC0415 - the same
        from server.slides.hooks import on_slide_deleted  # noqa: PLC0415 - the same

        on_slide_deleted("object files", drop_files_of)
        for folder, model in ((FOLDER, ObjectSet), (HEAT_MAPS, HeatMap)):
            leftovers.register_holding(folder, leftovers.used_by_rows(folder, model, "storage_key"))
