"""What inference does when a slide has been imported."""

from __future__ import annotations

from server.accounts.models import User
from server.jobs.services import create_job
from server.slides.hooks import on_slide_ready
from server.slides.models import Slide


def register() -> None:
    """Have features computed for every slide that becomes ready."""
    on_slide_ready("features", _describe)


def _describe(actor: User, slide: Slide) -> None:
    if slide.channels:
        # The descriptors know stained tissue alone, and refuse channels.
        return
    create_job(
        actor=actor,
        kind="compute_features",
        title=f"Describe {slide.name}",
        input={"slide_id": str(slide.pk)},
        project=slide.project,
        subject=slide,
        queue="cpu",
    )
