"""What reviewers' verdicts teach: accepted and relabelled suggestions are examples, rejected ones negatives.

A redrawn suggestion teaches through the annotation that took its place. Where suggestions of several
runs stand in exactly the same place, the newest run that was judged there speaks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from server.learning.marks import Mark
from server.objects.models import ObjectSet
from server.objects.selectors import open_object_set
from server.projects.models import Project
from server.review.fold import Decisions, load
from server.review.models import ReviewState


def judged(project: Project, known: set[Any]) -> Iterator[tuple[Any, Mark]]:
    """Yield (slide id, mark) for every judged suggestion whose label is in ``known``, in a stable order."""
    states = (
        ReviewState.objects.filter(
            object_set__slide__project=project,
            object_set__state=ObjectSet.State.READY,
            decided_count__gt=0,
        )
        .select_related("object_set")
        .order_by("-object_set__created_at", "object_set_id")
    )
    names = {str(label_id) for label_id in known}
    seen: set[tuple[Any, ...]] = set()
    for state in states:
        yield from _of_set(state.object_set, load(state), names, seen)


def _of_set(
    object_set: ObjectSet, decisions: Decisions, names: set[str], seen: set[tuple[Any, ...]]
) -> Iterator[tuple[Any, Mark]]:
    own = [str(label["label_id"]) for label in object_set.labels]
    files = open_object_set(object_set)
    columns = files.columns()["label"]
    numbers = np.fromiter(decisions.decided, dtype=np.int64)
    for index, shape in zip(numbers.tolist(), files.geometries(numbers), strict=True):
        place = (object_set.slide_id, *(round(value) for value in shape.bounds))
        if place in seen:
            continue
        seen.add(place)
        kind, new_label = decisions.kind_of(index)
        label_id = new_label or own[int(columns[index])]
        if kind == "redrawn" or label_id not in names:
            continue
        source = {"object_set": str(object_set.pk), "index": index, "verdict": kind}
        yield object_set.slide_id, Mark(shape, label_id, negative=kind == "rejected", source=source)
