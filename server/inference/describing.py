"""Features of new slides, computed in advance, so that the first round and the first prediction are quick."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from ml.contracts import Context, SlideReader, Task
from ml.messages import Message
from ml.methods.patches.descriptors.recipe import Descriptors
from ml.methods.regions.paint.recipe import Paint
from ml.slides import open_slide
from ml.slides.resolution import square_view
from server.core.files import storage
from server.inference.hooks import FeaturesInput
from server.jobs.runner import JobRun
from server.projects.models import Project
from server.registry.selectors import find_current_version
from server.slides.imports.given_names import given_name
from server.slides.models import Slide
from server.slides.selectors import find_slide, slide_path


class Describer(Protocol):
    """A recipe that keeps features of slides."""

    def describe(self, reader: SlideReader, content: str, context: Context) -> int:
        """Compute and store missing features of a slide; return the number of its parts."""
        ...


def describe_slide(run: JobRun) -> dict[str, Any]:
    """Compute the missing features of a slide: those of quick rounds, and those of the project's model."""
    slide = find_slide(FeaturesInput.from_json(run.input).slide_id)
    if slide is None or slide.state != Slide.State.READY:
        return {"outcome": "deleted"}
    recipes = [Descriptors.build(("any", "other"), {}), *_describers_of(slide.project)]
    counts = []
    with (
        storage.temporary_folder("describe") as folder,
        given_name(slide),
        open_slide(slide_path(slide)) as reader,
    ):
        context = Context(seed=0, scratch=folder, features=storage.storage_path("features"))
        for number, recipe in enumerate(recipes):
            report = partial(_report_part, run, number, len(recipes))
            view = square_view(reader, slide.resolution)
            counts.append(recipe.describe(view, slide.sha256, replace(context, report=report)))
    return {"outcome": "described", "patches": counts[0]}


def _describers_of(project: Project) -> Iterator[Describer]:
    """Yield the recipe of the current model of regions, if it keeps the maps of slides."""
    version = find_current_version(project, Task.REGION.value)
    if version is not None and version.recipe == Paint.name:
        yield Paint.build(("any", "other"), version.config)


def _report_part(run: JobRun, number: int, total: int, progress: float, message: Message) -> None:
    """Report the progress of one of several computations."""
    run.report((number + progress) / total, message)
