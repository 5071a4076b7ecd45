"""What people have said of a project's slides, gathered for learning: marks, verdicts, finished areas."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from server.annotations.models import Annotation, Region
from server.learning.marks import Mark
from server.learning.verdicts import judged
from server.projects.models import Label, Project
from server.slides.models import Slide


@dataclass(slots=True)
class SlideMaterial:
    """A slide with its marks in a stable order, and the areas that were declared finished."""

    slide: Slide
    marks: list[Mark] = field(default_factory=list)
    finished: list[BaseGeometry] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Material:
    """All that a round may learn from. ``labels`` are the schema's labels that are in use."""

    labels: tuple[Label, ...]
    slides: tuple[SlideMaterial, ...]


def gather_material(project: Project) -> Material:
    """Read annotations, verdicts and finished regions of all ready slides of a project.

    Marks of retired labels and of no label are left out, so are rulers.
    """
    labels = tuple(Label.objects.filter(project=project, retired_at__isnull=True))
    known = {label.pk for label in labels}
    slides = {
        slide.pk: SlideMaterial(slide)
        for slide in Slide.objects.filter(project=project, state=Slide.State.READY)
        .select_related("case")
        .order_by("sha256")
    }
    for slide_id, mark in _annotated(project, known):
        slides[slide_id].marks.append(mark)
    for slide_id, mark in judged(project, known):
        if slide_id in slides:
            slides[slide_id].marks.append(mark)
    for region in Region.objects.filter(slide__in=list(slides), revoked_at__isnull=True).order_by(
        "created_at", "id"
    ):
        slides[region.slide_id].finished.append(shape(region.geometry))
    used = tuple(item for item in slides.values() if item.marks or item.finished)
    return Material(labels=labels, slides=used)


def _annotated(project: Project, known: set[Any]) -> Iterator[tuple[Any, Mark]]:
    rows = (
        Annotation.objects.filter(
            slide__project=project,
            slide__state=Slide.State.READY,
            deleted_at__isnull=True,
            label__in=known,
        )
        .exclude(shape=Annotation.Shape.LINE)
        .order_by("id")
    )
    for row in rows.iterator(chunk_size=2000):
        geometry = shapely.force_2d(shape(row.geometry))
        source = {"annotation": str(row.pk), "revision": row.revision}
        yield row.slide_id, Mark(geometry, str(row.label_id), negative=False, source=source)
