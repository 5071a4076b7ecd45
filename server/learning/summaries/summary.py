"""Summary of a round's training material: split, parts and counts, computed without shapes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from server.learning.selectors import stored_parts
from server.learning.snapshots.splits import assign_parts
from server.projects.models import Label, Project
from server.slides.models import Slide

BACKGROUND: Final = ""
CASES_PER_LABEL: Final = 2
# The name under which the parts of cases are kept that were given for learning about whole slides.
BY_DIAGNOSIS: Final = "slide"


@dataclass(frozen=True, slots=True)
class Entry:
    """``count`` shapes of a label (or pieces of them) in one block of a slide.

    ``label_id`` None: finished areas. ``is_negative``: rejected suggestions of the label.
    """

    slide: Slide
    block: str
    label_id: str | None
    is_negative: bool = False
    is_verdict: bool = False
    shapes: int = 0
    pieces: int = 0
    area: float = 0.0

    @property
    def label(self) -> str:
        """Return the label's id of the shapes, or ``BACKGROUND``."""
        return BACKGROUND if self.is_negative or self.label_id is None else self.label_id


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A whole slide with its label's id; ``BACKGROUND`` for an undiagnosed slide."""

    slide: Slide
    unit: str
    label: str


@dataclass(frozen=True)
class Summary:
    """Counts by unit, the part of each unit, and the labels that can be learned.

    ``labels`` have an example in the training part; ``left_out`` are used but have none there.
    ``diagnoses`` are the whole slides of a round that learns about slides; it has no entries. ``kept_as``
    is the name under which parts are remembered.
    """

    split_by: str
    kept_as: str
    parts: dict[str, str]
    labels: tuple[Label, ...]
    left_out: tuple[Label, ...]
    entries: tuple[Entry, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()

    def unit(self, entry: Entry) -> str:
        """Return the unit of an entry; a unit goes into one part as a whole."""
        return unit_of(entry, self.split_by)

    def count(self, entry: Entry) -> int:
        """Return the number of items of an entry."""
        return count_of(entry, self.split_by)

    @cached_property
    def slides(self) -> tuple[Slide, ...]:
        """Return the slides with training material."""
        sources: tuple[Entry | Diagnosis, ...] = (*self.entries, *self.diagnoses)
        return tuple({item.slide.pk: item.slide for item in sources}.values())

    @cached_property
    def cases(self) -> int:
        """Return the number of cases with training material."""
        return len({slide.case_id for slide in self.slides})

    @cached_property
    def finished(self) -> int:
        """Return the number of finished regions."""
        return sum(self.count(entry) for entry in self.entries if entry.label_id is None)

    @cached_property
    def shapes_by_part(self) -> Counter[str]:
        """Return the number of shapes in each part, examples and negatives."""
        counts: Counter[str] = Counter()
        for entry in self.entries:
            if entry.label_id is not None:
                counts[self.parts[self.unit(entry)]] += self.count(entry)
        for item in self.diagnoses:
            if item.label != BACKGROUND:
                counts[self.parts[item.unit]] += 1
        return counts

    @cached_property
    def _examples(self) -> Counter[tuple[str, str]]:
        counts: Counter[tuple[str, str]] = Counter()
        for entry in self.entries:
            counts[entry.label, self.parts[self.unit(entry)]] += self.count(entry)
        for item in self.diagnoses:
            counts[item.label, self.parts[item.unit]] += 1
        return counts

    def examples(self, label: Label, part: str | None = None) -> int:
        """Return the number of examples of a label, in one part or in all."""
        key = str(label.pk)
        parts = (part,) if part else ("train", "validation", "test")
        return sum(self._examples[key, each] for each in parts)

    def has_shapes(self) -> bool:
        """Return whether there is any mark."""
        return any(entry.label_id is not None for entry in self.entries)

    def has_negatives(self) -> bool:
        """Return whether there is any mark of background."""
        return any(entry.label == BACKGROUND for entry in self.entries)


def summarise(project: Project, labels: Iterable[Label], entries: Sequence[Entry], split_by: str) -> Summary:
    """Give each unit its part; the entries are those of one project, by block where it is split by block."""
    amounts: dict[str, Counter[str]] = {}
    for entry in entries:
        amounts.setdefault(unit_of(entry, split_by), Counter())[entry.label] += count_of(entry, split_by)
    parts = assign_parts(amounts, _fixed_parts(project, entries, split_by))
    shown = [
        (entry.label, parts[unit_of(entry, split_by)]) for entry in entries if entry.label_id is not None
    ]
    learned = {label for label, part in shown if part == "train"}
    used = {label for label, _ in shown}
    known = list(labels)
    return Summary(
        split_by=split_by,
        kept_as=split_by,
        parts=parts,
        labels=tuple(label for label in known if str(label.pk) in learned),
        left_out=tuple(label for label in known if str(label.pk) in used - learned),
        entries=tuple(entries),
    )


def count_of(entry: Entry, split_by: str) -> int:
    """Return the number of items of an entry: whole shapes, or pieces where slides are cut into blocks."""
    return entry.shapes if split_by == "case" else entry.pieces


def unit_of(entry: Entry, split_by: str) -> str:
    """Return the case or the block of an entry."""
    return str(entry.slide.case_id) if split_by == "case" else entry.block


def choose_split(project: Project, entries: Sequence[Entry]) -> str:
    """Split by case as soon as every label occurs in two cases, else by block.

    Once a project is split by case it stays so. Of one that began with blocks only those cases
    count whose blocks were never learned from, since nothing else can be held out as a case.
    """
    if stored_parts(project.pk, "case"):
        return "case"
    seen = _cases_seen_by_block(project, entries)
    by_case: dict[str, set[str]] = {}
    for entry in entries:
        if entry.label != BACKGROUND:
            by_case.setdefault(str(entry.slide.case_id), set()).add(entry.label)
    fresh = [labels for case, labels in by_case.items() if case not in seen]
    wanted = {label for labels in fresh for label in labels}
    often_enough = all(sum(label in labels for labels in fresh) >= CASES_PER_LABEL for label in wanted)
    everything = {label for labels in by_case.values() for label in labels}
    return "case" if wanted and often_enough and wanted >= everything else "region"


def _cases_seen_by_block(project: Project, entries: Iterable[Entry]) -> set[str]:
    contents = {unit.split(":")[0] for unit in stored_parts(project.pk, "region")}
    return {str(item.slide.case_id) for item in entries if item.slide.sha256[:16] in contents}


def _fixed_parts(project: Project, entries: Iterable[Entry], split_by: str) -> dict[str, str]:
    """Return the parts that may not move.

    A case whose blocks were learned from before the project was split by case stays in training.
    """
    fixed = stored_parts(project.pk, split_by)
    if split_by == "case":
        for case in _cases_seen_by_block(project, entries):
            fixed.setdefault(case, "train")
        # A case that a slide's model was measured on stays held out for every other model too.
        fixed = stored_parts(project.pk, BY_DIAGNOSIS) | fixed
    return fixed


def count_labels(summary: Summary) -> dict[str, Any]:
    """Return marks by label and part, and the numbers of cases, slides and finished regions."""
    return {
        "labels": [_count_label(summary, label) for label in (*summary.labels, *summary.left_out)],
        "negatives": sum(summary.count(entry) for entry in summary.entries if entry.is_negative),
        "verdicts": sum(summary.count(entry) for entry in summary.entries if entry.is_verdict),
        "finished_regions": summary.finished,
        "cases": summary.cases,
        "slides": len(summary.slides),
        "parts": {part: summary.shapes_by_part[part] for part in ("train", "validation", "test")},
    }


def _count_label(summary: Summary, label: Label) -> dict[str, Any]:
    key = str(label.pk)
    own = [entry for entry in summary.entries if entry.label_id == key]
    return {
        "label_id": str(label.pk),
        "name": label.name,
        "shapes": summary.examples(label),
        "negatives": sum(summary.count(entry) for entry in own if entry.is_negative),
        "area_px": round(sum(entry.area for entry in own if not entry.is_negative), 1),
        **{part: summary.examples(label, part) for part in ("train", "validation", "test")},
    }
