"""Queries of a round's material by stored counts of shapes and bitmaps of verdicts, without geometry."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db.models import F, Sum, Value

from server.learning.models import LearningCount
from server.learning.summaries.set_counts import count_judged
from server.learning.summaries.summary import Entry, Summary, choose_split, summarise
from server.learning.summaries.tallies import FINISHED
from server.objects.models import ObjectSet
from server.projects.models import Label, Project
from server.review.models import ReviewState
from server.slides.models import Slide


def read_summary(project: Project) -> Summary:
    """Return the summary of a project's labels, verdicts and finished regions.

    It equals that of ``plan.plan_round``, but for long suggestions, which count in the block of their point.
    """
    labels = labels_in_use(project)
    known = {str(label.pk) for label in labels}
    slides = {slide.pk: slide for slide in ready_slides(project)}
    sets = [item for item in judged_sets(project) if item[0].slide_id in slides]
    entries = [*_drawn(project, slides, known), *_judged(sets, slides, known)]
    split_by = choose_split(project, entries)
    if split_by != "case":
        # Cases need no blocks, of which large sets have many.
        by_block = {"by_block": True}
        entries = [*_drawn(project, slides, known, **by_block), *_judged(sets, slides, known, **by_block)]
    return summarise(project, labels, entries, split_by)


def labels_in_use(project: Project) -> tuple[Label, ...]:
    """Return the labels of the schema that are not retired."""
    return tuple(Label.objects.filter(project=project, retired_at__isnull=True))


def ready_slides(project: Project) -> list[Slide]:
    """Return the slides of a project that have pixels, without the outline of their tissue."""
    slides = Slide.objects.filter(project=project, state=Slide.State.READY)
    return list(slides.select_related("case").defer("tissue").order_by("sha256"))


def _drawn(
    project: Project, slides: dict[UUID, Slide], known: set[str], *, by_block: bool = False
) -> Iterator[Entry]:
    rows = LearningCount.objects.filter(slide__project=project, pieces__gt=0)
    groups = rows.annotate(block=F("unit") if by_block else Value("")).values("slide_id", "block", "label")
    sums = groups.annotate(*(Sum(name) for name in ("shapes", "pieces", "area"))).order_by()
    columns = ("slide_id", "block", "label", "shapes__sum", "pieces__sum", "area__sum")
    for slide_id, unit, label, shapes, pieces, area in sums.values_list(*columns):
        if slide_id in slides and (label in known or label == FINISHED):
            label_id = None if label == FINISHED else label
            yield Entry(slides[slide_id], unit, label_id, shapes=shapes, pieces=pieces, area=area)


def _judged(
    sets: list[tuple[ObjectSet, int]], slides: dict[UUID, Slide], known: set[str], *, by_block: bool = False
) -> Iterator[Entry]:
    for slide_id, own in groupby(sets, key=lambda item: item[0].slide_id):
        slide = slides[slide_id]
        for item in count_judged(slide, list(own), by_block=by_block):
            if item.label in known:
                yield Entry(
                    slide, item.unit, item.label, item.is_negative, is_verdict=True,
                    shapes=item.count, pieces=item.count, area=item.area,
                )  # fmt: skip


def judged_sets(project: Project) -> list[tuple[ObjectSet, int]]:
    """Return the sets with verdicts and the versions of their states, by slide, the newest first."""
    states: Any = (
        ReviewState.objects.filter(
            object_set__slide__project=project,
            object_set__state=ObjectSet.State.READY,
            decided_count__gt=0,
        )
        .select_related("object_set")
        .defer("accepted", "rejected", "redrawn", "relabelled")
        .order_by("object_set__slide_id", "-object_set__created_at", "object_set_id")
    )
    return [(state.object_set, state.version) for state in states]
