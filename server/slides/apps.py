"""The ``slides`` app."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.apps import AppConfig


def _shown(hashes: Collection[str]) -> Iterable[str]:
    """Return the content hashes of the slides in any project."""
    from server.slides.models import Slide  # noqa: PLC0415 - models exist only later

    return Slide.objects.filter(sha256__in=hashes).values_list("sha256", flat=True)


class SlidesConfig(AppConfig):
    """Configuration of the app under its short name."""

    name = "server.slides"
    label = "slides"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the quality mapping of new slides, and the sweep of deleted files."""
        from server.core.files import leftovers  # noqa: PLC0415 - models exist only now
        from server.slides import hooks  # noqa: PLC0415 - the same
        from server.slides.models import Slide  # noqa: PLC0415 - the same
        from server.slides.quality import services as quality  # noqa: PLC0415 - the same
        from server.slides.uploads import services as uploads  # noqa: PLC0415 - the same

        hooks.on_slide_ready("quality", quality.map_new_slide)
        leftovers.register_holding("slides", _shown)
        leftovers.register_holding(uploads.FOLDER, uploads.uploads_in_use)
        aside = Slide.objects.filter(state=Slide.State.FAILED)
        leftovers.register_holding("quarantine", leftovers.used_by_rows("quarantine", aside, "source_key"))
        leftovers.register_chore("drop expired uploads", uploads.drop_expired_uploads)
