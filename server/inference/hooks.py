"""Reactions of inference to imported and deleted slides."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from ml.messages import Message
from server.accounts.models import User
from server.core.inputs import JobInput
from server.jobs.services import create_job
from server.slides.hooks import on_slide_ready
from server.slides.models import Slide
from server.slides.selectors import contents_of_slides

# Features are computed again where they are missing, which takes minutes.
FEATURES_KEPT: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class FeaturesInput(JobInput):
    """Id of the slide whose features are computed."""

    slide_id: str


def features_in_use(names: Collection[str]) -> set[str]:
    """Return the names in the folder of features to keep: those of stored slides, and the index."""
    return {"contents", *contents_of_slides(names)}


def register() -> None:
    """Register the computation of features for every slide that becomes ready."""
    on_slide_ready("features", _describe)


def _describe(actor: User, slide: Slide) -> None:
    if slide.channels:
        # The descriptors know stained tissue alone, and refuse channels.
        return
    create_job(
        actor=actor,
        kind="compute_features",
        title=Message("job_compute_features", name=slide.name),
        input=FeaturesInput(slide_id=str(slide.pk)).to_json(),
        project=slide.project,
        subject=slide,
        queue="cpu",
    )
