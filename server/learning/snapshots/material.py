"""Training material of a project: marks, verdicts and finished regions of its slides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from server.annotations.models import Annotation
from server.annotations.selectors import current_annotations, finished_regions
from server.learning.snapshots.marks import Mark
from server.learning.snapshots.verdicts import judged
from server.learning.summaries.selectors import labels_in_use, ready_slides
from server.projects.models import Label, Project
from server.slides.models import Slide


@dataclass(slots=True)
class SlideMaterial:
    """A slide with its marks in a stable order, and its finished regions."""

    slide: Slide
    marks: list[Mark] = field(default_factory=list)
    finished: list[BaseGeometry] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Material:
    """All training material of a round. ``labels`` are the schema's labels in use."""

    labels: tuple[Label, ...]
    slides: tuple[SlideMaterial, ...]


def gather_material(project: Project) -> Material:
    """Read annotations, verdicts and finished regions of all ready slides of a project.

    Marks of retired labels and of no label are left out, so are rulers.
    """
    labels = labels_in_use(project)
    known = {label.pk for label in labels}
    slides = {slide.pk: SlideMaterial(slide) for slide in ready_slides(project)}
    for slide_id, mark in _annotated(project, known):
        slides[slide_id].marks.append(mark)
    for slide_id, mark in judged(project, known):
        if slide_id in slides:
            slides[slide_id].marks.append(mark)
    for region in finished_regions().filter(slide__in=list(slides)).order_by("created_at", "id"):
        slides[region.slide_id].finished.append(shape(region.geometry))
    used = tuple(item for item in slides.values() if item.marks or item.finished)
    return Material(labels=labels, slides=used)


def _annotated(project: Project, known: set[Any]) -> Iterator[tuple[Any, Mark]]:
    rows = (
        current_annotations()
        .filter(slide__project=project, slide__state=Slide.State.READY, label__in=known)
        .exclude(shape=Annotation.Shape.LINE)
        .order_by("id")
    )
    for row in rows.iterator(chunk_size=2000):
        geometry = shapely.force_2d(shape(row.geometry))
        source = {"annotation": str(row.pk), "revision": row.revision}
        yield row.slide_id, Mark(geometry, str(row.label_id), negative=False, source=source)
