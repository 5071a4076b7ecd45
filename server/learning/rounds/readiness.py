"""Readiness of a round: problems that prevent it and warnings that do not, each with what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import shapely
from shapely.geometry import shape

from ml.catalogue.info import RecipeInfo
from ml.contracts import Task
from server.learning.snapshots.diagnoses import (
    Finding,
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

    problems: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    counts: dict[str, Any]
    split: str

    @property
    def ready(self) -> bool:
        """Return whether there is no problem."""
        return not self.problems


def check_readiness(recipe: RecipeInfo, config: Mapping[str, Any], plan: Summary) -> Readiness:
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


def _find_missing_labels(recipe: RecipeInfo, plan: Summary) -> Iterator[Finding]:
    if not (plan.labels or plan.left_out):
        yield Finding("no_labels", "Nothing is labelled yet. Mark examples on a slide first.")
        return
    if recipe.task == "object":
        count = sum(plan.examples(label) for label in plan.labels)
        if count < LEAST_OBJECTS:
            yield Finding(
                "too_few_labels",
                f"{count} objects are outlined; outline at least {LEAST_OBJECTS}.",
                {"context": "objects", "count": count, "least": LEAST_OBJECTS},
            )
        return
    yield from _find_missing_second_label(plan)
    for label in plan.labels:
        if plan.examples(label) < LEAST_MARKS:
            yield _marked_once(label)


def _find_missing_second_label(plan: Summary) -> Iterator[Finding]:
    if len(plan.labels) + plan.has_negatives() >= 2:  # noqa: PLR2004 - one against another
        return
    used = (*plan.labels, *plan.left_out)
    if len(used) + plan.has_negatives() < 2:  # noqa: PLR2004
        names = ", ".join(label.name for label in used) or "one label"
        yield Finding(
            "one_class_only",
            f"Only {names} can be learned from. Mark a second label, or declare an area finished "
            "so that what is unmarked in it counts as background.",
            {"label": names},
        )
        return
    for label in plan.left_out:
        if plan.examples(label) < LEAST_MARKS:
            yield _marked_once(label)
        else:
            yield Finding(
                "one_class_only",
                f"All marks of {label.name} lie where the model is measured. Mark it in another place too.",
                {"context": "held_out", "label": label.name},
            )


def _marked_once(label: Label) -> Finding:
    return Finding(
        "too_few_labels",
        f"{label.name} is marked in one place only. Mark at least {LEAST_MARKS} places.",
        {"label": label.name, "least": LEAST_MARKS},
    )


def _find_missing_held_out(plan: Summary) -> Iterator[Finding]:
    # Finished areas alone hold nothing out: what is unmarked in them goes with the nearest mark.
    if plan.has_shapes() and not plan.shapes_by_part["test"]:
        where = "case" if plan.split_by == "case" else "place"
        yield Finding(
            "nothing_held_out",
            f"All labels lie in one {where}, so nothing is left to measure the model on. "
            f"Mark each label in a second {where} too.",
            {"context": where},
        )


def _find_missing_resolution(
    recipe: RecipeInfo, config: Mapping[str, Any], plan: Summary
) -> Iterator[Finding]:
    if not recipe.needs_resolution(config):
        return
    for slide in plan.slides:
        if slide.mpp_x is None:
            yield Finding(
                "no_resolution",
                f"{slide.name} has no µm per pixel, which {recipe.title} needs. Enter it in the "
                "slide's details.",
                {"slide": slide.name, "recipe": recipe.name},
            )


def _find_channels(recipe: RecipeInfo, plan: Summary) -> Iterator[Finding]:
    slides = plan.slides
    for slide in slides:
        if slide.channels and not recipe.channels:
            yield Finding(
                "several_channels",
                f"{slide.name} has several channels; {recipe.title} learns from colour images of stained "
                "tissue. Choose a method that takes channels.",
                {"slide": slide.name, "recipe": recipe.name},
            )
        elif recipe.channels and sorted(slide.channel_names) != sorted(slides[0].channel_names):
            yield Finding(
                "other_channels",
                f"{slide.name} and {slides[0].name} do not have the same channels. Keep slides with other "
                "channels in a project of their own.",
                {"slide": slide.name, "other": slides[0].name},
            )


def _find_missing_regions(recipe: RecipeInfo, plan: Summary) -> Iterator[Finding]:
    if recipe.task == "object" and plan.has_shapes() and not plan.finished:
        yield Finding(
            "no_finished_region",
            f"{recipe.title} learns inside finished regions, where every object is outlined. "
            "Outline all objects of an area and declare it finished.",
            {"recipe": recipe.name},
        )


def _warn_of_split(plan: Summary) -> Iterator[Finding]:
    if plan.split_by == "case" or not plan.has_shapes():
        return
    if plan.cases == 1:
        yield Finding(
            "split_by_region",
            "All labels come from one case, so the held-out part is other places of the same "
            "case. The figures will look better than on a new case.",
            {"context": "one_case"},
        )
    else:
        yield Finding(
            "split_by_region",
            "Not every label occurs in two cases that no earlier version learned from, so the "
            "held-out part is other places of the same cases. The figures will look better than on "
            "a new case.",
        )


def _warn_of_thin_labels(plan: Summary) -> Iterator[Finding]:
    for label in plan.left_out:
        yield Finding(
            "label_left_out",
            f"All marks of {label.name} lie where the model is measured, so it is left out of this "
            f"round. Mark {label.name} in another place too.",
            {"label": label.name},
        )
    for label in plan.labels:
        if plan.examples(label) < LEAST_MARKS:
            continue
        if not plan.examples(label, "test"):
            yield Finding(
                "label_not_measured",
                f"No mark of {label.name} is held out, so nothing will be known about how well it "
                "is recognised. Mark it in more places.",
                {"label": label.name},
            )
        elif plan.examples(label) < FEW_MARKS:
            yield Finding(
                "few_labels",
                f"{label.name} has {plan.examples(label)} marks; more of them make the model and "
                "its figures steadier.",
                {"label": label.name, "count": plan.examples(label)},
            )


def warn_of_marks_off_tissue(plan: Plan) -> Iterator[Finding]:
    """Yield the slides with marks outside the tissue; reads every shape, so that only jobs call it."""
    outlines = tissue_outlines(plan.summary.slides)
    for slide in plan.summary.slides:
        outline = outlines[slide.pk]
        if not outline:
            continue
        tissue = shape(outline).buffer(0)
        shapely.prepare(tissue)
        for label, count in _labels_off_tissue(plan, slide, tissue).items():
            yield Finding(
                "labels_outside_tissue",
                f"{count} of the marks of {label.name} on {slide.name} lie outside the tissue. "
                "Check whether they were drawn by mistake.",
                {"label": label.name, "slide": slide.name, "count": count},
            )


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
