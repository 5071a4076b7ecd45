"""Queries of live paintings, and of the marks that they learn from."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import Final
from uuid import UUID

import shapely
from django.db.models import QuerySet
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from ml.contracts import Dataset, LabelledShape, LabelledSlide
from server.accounts.models import User
from server.annotations.models import Annotation
from server.annotations.selectors import current_annotations, finished_regions
from server.core.errors import NotVisibleError
from server.learning.summaries.selectors import labels_in_use
from server.painting.models import Painting
from server.projects.models import Label
from server.slides.models import Slide
from server.slides.selectors import slide_path, slides_visible_to

# Newest marks that teach: of the open slide, and of all others together.
MOST_HERE: Final = 2000
MOST_ELSEWHERE: Final = 1000


def paintings_of(actor: User) -> QuerySet[Painting]:
    """Return a person's paintings of slides that they still see."""
    return Painting.objects.filter(user=actor, slide__in=slides_visible_to(actor))


def get_painting_of_slide(actor: User, slide: Slide) -> Painting:
    """Return a person's painting of a slide; raises NotVisibleError."""
    painting = paintings_of(actor).filter(slide=slide).first()
    if painting is None:
        raise NotVisibleError
    return painting


def get_painting(actor: User, painting_id: UUID) -> Painting:
    """Return one painting of a person; raises NotVisibleError."""
    painting = paintings_of(actor).filter(pk=painting_id).first()
    if painting is None:
        raise NotVisibleError
    return painting


def find_waiting(painting_id: str) -> Painting | None:
    """Return a painting whose newest request no worker has begun; None else."""
    rows = Painting.objects.filter(pk=painting_id, state=Painting.State.WAITING)
    return rows.select_related("slide__project", "slide__case").defer("slide__tissue").first()


def pictures_in_use(names: Collection[str]) -> set[str]:
    """Return the names in the folder of pictures to keep: the ids of paintings."""
    ids = []
    for name in names:
        # Other names are none of ours.
        with suppress(ValueError):
            ids.append(UUID(name))
    return {str(pk) for pk in Painting.objects.filter(pk__in=ids).values_list("pk", flat=True)}


def is_newest(painting: Painting) -> bool:
    """Return whether no request came after the one that the row was read for."""
    return Painting.objects.filter(pk=painting.pk, number=painting.number).exists()


def marks_of_project(slide: Slide) -> tuple[tuple[Label, ...], Dataset, LabelledSlide]:
    """Return the labels in use, the newest marks of a slide's project, and the slide with its own.

    Later marks lie over earlier ones.
    """
    labels = labels_in_use(slide.project)
    names = {label.pk: label.name for label in labels}
    marks = current_annotations().filter(label__in=names).exclude(shape=Annotation.Shape.LINE)
    marks = marks.order_by("-updated_at", "-id")
    here = list(marks.filter(slide=slide)[:MOST_HERE])
    others = marks.filter(slide__project=slide.project_id, slide__state=Slide.State.READY)
    elsewhere = list(others.exclude(slide=slide)[:MOST_ELSEWHERE])
    slides = {slide.pk: slide}
    slides |= (
        Slide.objects.select_related("case").defer("tissue").in_bulk({row.slide_id for row in elsewhere})
    )
    shapes: dict[UUID, list[LabelledShape]] = {pk: [] for pk, each in slides.items() if not each.channels}
    for row in reversed([*here, *elsewhere]):
        if row.slide_id in shapes and row.label_id is not None:
            geometry = shapely.force_2d(shape(row.geometry))
            shapes[row.slide_id].append(LabelledShape(geometry, names[row.label_id]))
    finished: dict[UUID, list[BaseGeometry]] = {pk: [] for pk in shapes}
    for region in finished_regions().filter(slide__in=list(shapes)):
        finished[region.slide_id].append(shape(region.geometry))
    labelled = {
        pk: LabelledSlide(
            path=slide_path(slides[pk]),
            name=slides[pk].name,
            case=str(slides[pk].case_id),
            content=slides[pk].sha256,
            shapes=tuple(shapes[pk]),
            finished=tuple(finished[pk]),
            mpp=slides[pk].mpp_x,
            mpp_y=slides[pk].mpp_y,
        )
        for pk in shapes
    }
    dataset = Dataset(labels=tuple(names.values()), slides=tuple(labelled.values()))
    return labels, dataset, labelled[slide.pk]
