"""Training material of rounds on whole slides: diagnosed slides, split by case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from ml.messages import Message
from server.learning.selectors import stored_parts
from server.learning.snapshots.splits import assign_parts
from server.learning.summaries.selectors import labels_in_use, ready_slides
from server.learning.summaries.summary import BACKGROUND, BY_DIAGNOSIS, Diagnosis, Summary
from server.projects.models import Project

LEAST_CASES: Final = 3
FEW_CASES: Final = 10
LEAST_FOLLOWED: Final = 4
LEAST_EVENTS: Final = 2


def summarise_diagnoses(project: Project) -> Summary:
    """Return all ready slides with their diagnoses, and a part for each case; reads only.

    Slides that nobody diagnosed are in it too, since some methods learn from them. A case keeps the part
    that a round about marks gave it.
    """
    known = {str(label.pk): label for label in labels_in_use(project)}
    diagnoses = tuple(
        Diagnosis(
            slide,
            str(slide.case_id),
            str(slide.label_id) if str(slide.label_id) in known else BACKGROUND,
        )
        for slide in ready_slides(project)
    )
    amounts: dict[str, Counter[str]] = {}
    for item in diagnoses:
        amounts.setdefault(item.unit, Counter()).update([item.label] if item.label else [])
    fixed = stored_parts(project.pk, "case") | stored_parts(project.pk, BY_DIAGNOSIS)
    parts = assign_parts(amounts, fixed)
    learned = {item.label for item in diagnoses if parts[item.unit] == "train"}
    used = {item.label for item in diagnoses}
    return Summary(
        split_by="case",
        kept_as=BY_DIAGNOSIS,
        parts=parts,
        labels=tuple(label for key, label in known.items() if key in learned),
        left_out=tuple(label for key, label in known.items() if key in used - learned),
        diagnoses=diagnoses,
    )


def find_missing_diagnoses(plan: Summary) -> Iterator[Message]:
    """Yield the problems that prevent training on whole slides."""
    labels = (*plan.labels, *plan.left_out)
    if not labels:
        yield Message("no_labels_slides")
        return
    if len(labels) < 2:  # noqa: PLR2004 - one against another
        yield Message("one_class_only_slides", label=labels[0].name)
    for label in labels:
        cases = {item.unit for item in plan.diagnoses if item.label == str(label.pk)}
        if len(cases) < LEAST_CASES:
            yield Message("too_few_labels_slides", label=label.name, cases=len(cases), least=LEAST_CASES)


def find_missing_follow_up(plan: Summary) -> Iterator[Message]:
    """Yield a problem where too few training cases have follow-up to rank patients."""
    cases = {
        item.slide.case_id: item.slide.case for item in plan.diagnoses if plan.parts[item.unit] == "train"
    }
    followed = [case for case in cases.values() if case.months is not None]
    events = sum(bool(case.event) for case in followed)
    if len(followed) < LEAST_FOLLOWED or events < LEAST_EVENTS:
        yield Message(
            "no_follow_up",
            cases=len(followed),
            events=events,
            least=LEAST_FOLLOWED,
            least_events=LEAST_EVENTS,
        )


def warn_of_few_diagnoses(plan: Summary) -> Iterator[Message]:
    """Yield warnings about unreliable figures of a round on whole slides."""
    for label in plan.labels:
        if not plan.examples(label, "test"):
            yield Message("label_not_measured_slides", label=label.name)
        elif len({item.unit for item in plan.diagnoses if item.label == str(label.pk)}) < FEW_CASES:
            yield Message("few_labels_slides", label=label.name, least=FEW_CASES)
