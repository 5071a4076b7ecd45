"""Features of new slides, computed in advance, so that the first round is quick."""

from __future__ import annotations

from typing import Any

from ml.contracts import Context
from ml.methods.patches.descriptors.recipe import Descriptors
from ml.slides import open_slide
from ml.slides.resolution import square_view
from server.core.files import storage
from server.inference.hooks import FeaturesInput
from server.jobs.runner import JobRun
from server.slides.imports.given_names import given_name
from server.slides.models import Slide
from server.slides.selectors import find_slide, slide_path


def describe_slide(run: JobRun) -> dict[str, Any]:
    """Compute missing features of a slide for the quick recipe's default settings."""
    slide = find_slide(FeaturesInput.from_json(run.input).slide_id)
    if slide is None or slide.state != Slide.State.READY:
        return {"outcome": "deleted"}
    recipe = Descriptors.build(("any", "other"), {})
    with (
        storage.temporary_folder("describe") as folder,
        given_name(slide),
        open_slide(slide_path(slide)) as reader,
    ):
        context = Context(
            seed=0, scratch=folder, features=storage.storage_path("features"), report=run.report
        )
        count = recipe.describe(square_view(reader, slide.resolution), slide.sha256, context)
    return {"outcome": "described", "patches": count}
