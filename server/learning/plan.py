"""What a round would learn from, worked out before anything is written: marks, units, parts, labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from shapely.geometry.base import BaseGeometry

from server.learning.marks import Mark
from server.learning.material import Material, SlideMaterial, gather_material
from server.learning.splits import assign_parts, block_side, cut_into_blocks, stored_parts
from server.projects.models import Label, Project
from server.slides.models import Slide

BACKGROUND: Final = ""
CASES_PER_LABEL: Final = 2
# The name under which the parts of cases are kept that were given for learning about whole slides.
BY_DIAGNOSIS: Final = "slide"


@dataclass(frozen=True, slots=True)
class PlannedShape:
    """A mark, or the piece of it that lies in one unit. ``mark`` None: a finished area."""

    slide: Slide
    unit: str
    geometry: BaseGeometry
    mark: Mark | None

    @property
    def label(self) -> str:
        """Return the id of the label that the shape is an example of, or ``BACKGROUND``."""
        if self.mark is None or self.mark.negative or self.mark.label_id is None:
            return BACKGROUND
        return self.mark.label_id


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A whole slide with its label's id; ``BACKGROUND`` for a slide that nobody diagnosed."""

    slide: Slide
    unit: str
    label: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Marks and finished areas by unit, the part of each unit, and the labels that can be learned.

    ``labels`` have an example in the training part; ``left_out`` are used but have none there.
    ``diagnoses`` are the whole slides of a round that learns about slides; it has no shapes. ``kept_as``
    is the name under which parts are remembered.
    """

    split_by: str
    kept_as: str
    shapes: tuple[PlannedShape, ...]
    finished: tuple[PlannedShape, ...]
    parts: dict[str, str]
    labels: tuple[Label, ...]
    left_out: tuple[Label, ...]
    cases: int
    slides: int
    diagnoses: tuple[Diagnosis, ...] = ()

    def examples(self, label: Label, part: str | None = None) -> int:
        """Return how many examples of a label there are, in one part or in all."""
        said: tuple[PlannedShape | Diagnosis, ...] = (*self.shapes, *self.diagnoses)
        return sum(item.label == str(label.pk) and part in (None, self.parts[item.unit]) for item in said)

    def has_negatives(self) -> bool:
        """Say whether anything was marked as background."""
        return bool(self.finished) or any(item.label == BACKGROUND for item in self.shapes)


def plan_round(project: Project) -> Plan:
    """Gather what people said and give each unit its part; reads only."""
    material = gather_material(project)
    split_by = _choose_split(project, material)
    shapes: list[PlannedShape] = []
    finished: list[PlannedShape] = []
    for item in material.slides:
        shapes += [
            PlannedShape(item.slide, unit, piece, mark)
            for mark in item.marks
            for unit, piece in _units(item.slide, mark.geometry, split_by)
        ]
        finished += [
            PlannedShape(item.slide, unit, piece, None)
            for area in item.finished
            for unit, piece in _units(item.slide, area, split_by)
        ]
    parts = assign_parts(_amounts([*shapes, *finished]), _fixed_parts(project, material, split_by))
    learned = {item.label for item in shapes if parts[item.unit] == "train"}
    used = {item.label for item in shapes}
    return Plan(
        split_by=split_by,
        kept_as=split_by,
        shapes=tuple(shapes),
        finished=tuple(finished),
        parts=parts,
        labels=tuple(label for label in material.labels if str(label.pk) in learned),
        left_out=tuple(
            label for label in material.labels if str(label.pk) in used and str(label.pk) not in learned
        ),
        cases=len({item.slide.case_id for item in material.slides}),
        slides=len(material.slides),
    )


def _choose_split(project: Project, material: Material) -> str:
    """Split by case as soon as every label occurs in two cases, else by block.

    Once a project is split by case it stays so. Of one that began with blocks only those cases
    count whose blocks were never learned from, since nothing else can be held out as a case.
    """
    if stored_parts(project.pk, "case"):
        return "case"
    seen = _cases_seen_by_block(project, material)
    fresh = [labels for case, labels in _labels_by_case(material.slides).items() if case not in seen]
    wanted = {label for labels in fresh for label in labels}
    often_enough = all(sum(label in labels for labels in fresh) >= CASES_PER_LABEL for label in wanted)
    everything = {mark.label_id for item in material.slides for mark in item.marks if not mark.negative}
    return "case" if wanted and often_enough and wanted >= everything else "region"


def _cases_seen_by_block(project: Project, material: Material) -> set[str]:
    contents = {unit.split(":")[0] for unit in stored_parts(project.pk, "region")}
    return {str(item.slide.case_id) for item in material.slides if item.slide.sha256[:16] in contents}


def _labels_by_case(slides: Iterable[SlideMaterial]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for item in slides:
        labels = {mark.label_id for mark in item.marks if mark.label_id and not mark.negative}
        found.setdefault(str(item.slide.case_id), set()).update(labels)
    return found


def _fixed_parts(project: Project, material: Material, split_by: str) -> dict[str, str]:
    """Return the parts that may not move.

    A case whose blocks were learned from before the project was split by case stays in training.
    """
    fixed = stored_parts(project.pk, split_by)
    if split_by == "case":
        for case in _cases_seen_by_block(project, material):
            fixed.setdefault(case, "train")
        # A case that a slide's model was measured on stays held out for every other model too.
        fixed = stored_parts(project.pk, BY_DIAGNOSIS) | fixed
    return fixed


def _units(slide: Slide, geometry: BaseGeometry, split_by: str) -> Iterable[tuple[str, Any]]:
    if split_by == "case":
        return [(str(slide.case_id), geometry)]
    return cut_into_blocks(geometry, block_side(slide.width, slide.height), slide.sha256)


def _amounts(shapes: Iterable[PlannedShape]) -> dict[str, Counter[str]]:
    amounts: dict[str, Counter[str]] = {}
    for item in shapes:
        amounts.setdefault(item.unit, Counter())[item.label] += 1
    return amounts
