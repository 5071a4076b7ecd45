"""Readiness of a round: problems that prevent it and warnings that do not, each with what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import shapely
from shapely.geometry import shape

from ml.catalogue.info import RecipeInfo
from ml.contracts import Settings, Task
from ml.messages import Message
from server.learning.snapshots.diagnoses import (
    find_missing_diagnoses,
    find_missing_follow_up,
    warn_of_few_diagnoses,
)
from server.learning.snapshots.plan import Plan, PlannedShape
from server.learning.summaries.summary import Summary, count_labels
from server.projects.models import Label
from server.slides.models import Slide
from server.slides.selectors import tissue_outlines

LEAST_MARKS: Final = 2
FEW_MARKS: Final = 10
LEAST_OBJECTS: Final = 10
# A mark of which less than this share lies on tissue was probably drawn on glass.
TISSUE_SHARE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Readiness:
    """Result of a readiness check, with the counts behind it."""

    problems: tuple[Message, ...]
    warnings: tuple[Message, ...]
    counts: dict[str, Any]
    split: str

    @property
    def ready(self) -> bool:
        """Return whether there is no problem."""
        return not self.problems


def check_readiness(recipe: RecipeInfo[Settings], config: Mapping[str, Any], plan: Summary) -> Readiness:
    """Check labels against a recipe's requirements; reads only the summary."""
    if recipe.task == Task.SLIDE:
        problems = [
            *find_missing_diagnoses(plan),
            *(find_missing_follow_up(plan) if recipe.needs_follow_up(config) else ()),
            *_find_missing_resolution(recipe, config, plan),
            *_find_channels(recipe, plan),
        ]
        warnings = list(warn_of_few_diagnoses(plan))
        return Readiness(tuple(problems), tuple(warnings), count_labels(plan), plan.split_by)
    problems = [
        *_find_missing_labels(recipe, plan),
        *_find_missing_held_out(plan),
        *_find_missing_resolution(recipe, config, plan),
        *_find_missing_regions(recipe, plan),
        *_find_channels(recipe, plan),
    ]
    warnings = [
        *_warn_of_split(plan),
        *_warn_of_thin_labels(plan),
    ]
    return Readiness(tuple(problems), tuple(warnings), count_labels(plan), plan.split_by)


def _find_missing_labels(recipe: RecipeInfo[Settings], plan: Summary) -> Iterator[Message]:
    if not (plan.labels or plan.left_out):
        yield Message("no_labels")
        return
    if recipe.task == "object":
        count = sum(plan.examples(label) for label in plan.labels)
        if count < LEAST_OBJECTS:
            yield Message("too_few_labels_objects", count=count, least=LEAST_OBJECTS)
        return
    yield from _find_missing_second_label(plan)
    for label in plan.labels:
        if plan.examples(label) < LEAST_MARKS:
            yield _marked_once(label)


def _find_missing_second_label(plan: Summary) -> Iterator[Message]:
    if len(plan.labels) + plan.has_negatives() >= 2:  # noqa: PLR2004 - one against another
        return
    used = (*plan.labels, *plan.left_out)
    if len(used) + plan.has_negatives() < 2:  # noqa: PLR2004
        names = ", ".join(label.name for label in used) or "one label"
        yield Message("one_class_only", label=names)
        return
    for label in plan.left_out:
        if plan.examples(label) < LEAST_MARKS:
            yield _marked_once(label)
        else:
            yield Message("one_class_only_held_out", label=label.name)


def _marked_once(label: Label) -> Message:
    return Message("too_few_labels", label=label.name, least=LEAST_MARKS)


def _find_missing_held_out(plan: Summary) -> Iterator[Message]:
    # Finished areas alone hold nothing out: what is unmarked in them goes with the nearest mark.
    if plan.has_shapes() and not plan.shapes_by_part["test"]:
        is_by_case = plan.split_by == "case"
        yield Message("nothing_held_out_case") if is_by_case else Message("nothing_held_out_place")


def _find_missing_resolution(
    recipe: RecipeInfo[Settings], config: Mapping[str, Any], plan: Summary
) -> Iterator[Message]:
    if not recipe.needs_resolution(config):
        return
    for slide in plan.slides:
        if slide.mpp_x is None:
            yield Message("no_resolution", slide=slide.name, recipe=recipe.name)


def _find_channels(recipe: RecipeInfo[Settings], plan: Summary) -> Iterator[Message]:
    slides = plan.slides
    for slide in slides:
        if slide.channels and not recipe.channels:
            yield Message("several_channels", slide=slide.name, recipe=recipe.name)
        elif recipe.channels and sorted(slide.channel_names) != sorted(slides[0].channel_names):
            yield Message("other_channels", slide=slide.name, other=slides[0].name)


def _find_missing_regions(recipe: RecipeInfo[Settings], plan: Summary) -> Iterator[Message]:
    if recipe.task == "object" and plan.has_shapes() and not plan.finished:
        yield Message("no_finished_region", recipe=recipe.name)


def _warn_of_split(plan: Summary) -> Iterator[Message]:
    if plan.split_by == "case" or not plan.has_shapes():
        return
    if plan.cases == 1:
        yield Message("split_by_region_one_case")
    else:
        yield Message("split_by_region")


def _warn_of_thin_labels(plan: Summary) -> Iterator[Message]:
    for label in plan.left_out:
        yield Message("label_left_out", label=label.name)
    for label in plan.labels:
        if plan.examples(label) < LEAST_MARKS:
            continue
        if not plan.examples(label, "test"):
            yield Message("label_not_measured", label=label.name)
        elif plan.examples(label) < FEW_MARKS:
            yield Message("few_labels", label=label.name, count=plan.examples(label))


def warn_of_marks_off_tissue(plan: Plan) -> Iterator[Message]:
    """Yield the slides with marks outside the tissue; reads every shape, so that only jobs call it."""
    outlines = tissue_outlines(plan.summary.slides)
    for slide in plan.summary.slides:
        outline = outlines[slide.pk]
        if not outline:
            continue
        tissue = shape(outline).buffer(0)
        shapely.prepare(tissue)
        for label, count in _labels_off_tissue(plan, slide, tissue).items():
            yield Message("labels_outside_tissue", label=label.name, slide=slide.name, count=count)


def _labels_off_tissue(plan: Plan, slide: Slide, tissue: Any) -> dict[Label, int]:
    off: dict[Label, int] = {}
    by_id = {str(label.pk): label for label in (*plan.summary.labels, *plan.summary.left_out)}
    for item in plan.shapes:
        if item.slide.pk != slide.pk or item.mark is None or item.mark.negative:
            continue
        label = by_id.get(str(item.mark.label_id))
        if label is not None and _is_off(item, tissue):
            off[label] = off.get(label, 0) + 1
    return off


def _is_off(item: PlannedShape, tissue: Any) -> bool:
    geometry = item.geometry
    if tissue.contains(geometry):
        return False
    if not geometry.area:
        return not tissue.intersects(geometry)
    return bool(tissue.intersection(geometry).area < TISSUE_SHARE * geometry.area)
