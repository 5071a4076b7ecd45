"""The ``slides`` app."""

from __future__ import annotations

from django.apps import AppConfig


class SlidesConfig(AppConfig):
    """Configuration of the app under its short name."""

    name = "server.slides"
    label = "slides"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the quality mapping of new slides, and the sweep of deleted files."""
        from server.core.files import leftovers  # noqa: PLC0415 - models exist only now
        from server.slides import hooks, selectors  # noqa: PLC0415 - the same
        from server.slides.models import Slide  # noqa: PLC0415 - the same
        from server.slides.quality import services as quality  # noqa: PLC0415 - the same
        from server.slides.uploads import services as uploads  # noqa: PLC0415 - the same

        hooks.on_slide_ready("quality", quality.map_new_slide)
        leftovers.register_holding("slides", selectors.contents_of_slides)
        leftovers.register_holding(uploads.FOLDER, uploads.uploads_in_use)
        failed = leftovers.used_by_rows("quarantine", Slide, "source_key", state=Slide.State.FAILED)
        leftovers.register_holding("quarantine", failed)
        leftovers.register_chore("drop expired uploads", uploads.drop_expired_uploads)
