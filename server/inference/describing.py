"""Features of new slides, computed before anybody asks, so that the first round is quick."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from ml.contracts import Context
from ml.recipes.descriptors import Descriptors
from ml.slides import open_slide
from server.core import storage
from server.jobs.runner import JobRun
from server.slides.models import Slide
from server.slides.selectors import slide_path


def describe_slide(run: JobRun) -> dict[str, Any]:
    """Compute what is missing of a slide's features for the quick recipe's own settings."""
    slide = Slide.objects.filter(pk=run.input["slide_id"], state=Slide.State.READY).first()
    if slide is None:
        return {"outcome": "deleted"}
    recipe = Descriptors.build(("any", "other"), {})
    with (
        tempfile.TemporaryDirectory(prefix="coverslip-describe-") as folder,
        open_slide(slide_path(slide)) as reader,
    ):
        context = Context(
            seed=0, scratch=Path(folder), features=storage.storage_path("features"), report=run.report
        )
        count = recipe.describe(reader, slide.sha256, context)
    return {"outcome": "described", "patches": count}
