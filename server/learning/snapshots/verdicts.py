"""Training material from verdicts: accepted and relabelled suggestions are examples, rejected ones negatives.

A redrawn suggestion teaches through the annotation that took its place. Where suggestions of several
runs are in exactly the same place, the newest run that was judged there speaks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from pyroaring import BitMap

from server.learning.snapshots.marks import Mark
from server.learning.summaries.selectors import judged_sets
from server.learning.summaries.set_counts import repeated_objects
from server.objects.models import ObjectSet
from server.objects.selectors import open_object_set
from server.projects.models import Project
from server.review.decisions.cache import decisions_at
from server.review.decisions.fold import Decisions


def judged(project: Project, known: set[Any]) -> Iterator[tuple[Any, Mark]]:
    """Yield (slide id, mark) for every judged suggestion whose label is in ``known``, in a stable order."""
    names = {str(label_id) for label_id in known}
    by_slide: dict[Any, list[tuple[ObjectSet, int]]] = {}
    for object_set, version in judged_sets(project):
        by_slide.setdefault(object_set.slide_id, []).append((object_set, version))
    for sets in by_slide.values():
        for (object_set, version), hidden in zip(sets, repeated_objects(sets), strict=True):
            yield from _of_set(object_set, decisions_at(object_set.pk, version), hidden, names)


def _of_set(
    object_set: ObjectSet, decisions: Decisions, hidden: BitMap, names: set[str]
) -> Iterator[tuple[Any, Mark]]:
    own = [str(label["label_id"]) for label in object_set.labels]
    files = open_object_set(object_set)
    columns = files.columns()["label"]
    numbers = np.fromiter(decisions.decided - hidden, dtype=np.int64)
    shapes, points = files.geometries(numbers), files.points(numbers)
    for index, shape, point in zip(numbers.tolist(), shapes, points.tolist(), strict=True):
        kind, new_label = decisions.kind_of(index)
        label_id = new_label or own[int(columns[index])]
        if kind == "redrawn" or label_id not in names:
            continue
        source = {"object_set": str(object_set.pk), "index": index, "verdict": kind}
        yield object_set.slide_id, Mark(shape, label_id, kind == "rejected", source, (point[0], point[1]))
