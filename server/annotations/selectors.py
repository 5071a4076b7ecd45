"""Queries of annotations, their revisions and finished regions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from uuid import UUID

from django.db.models import F, QuerySet

from server.accounts.models import User
from server.annotations.callbacks import DrawnShape
from server.annotations.models import Annotation, Region, Revision
from server.core.errors import NotVisibleError
from server.projects.selectors import projects_visible_to
from server.slides.models import Slide


def annotations_visible_to(actor: User) -> QuerySet[Annotation]:
    """Return the current annotations on the slides that the actor sees."""
    return Annotation.objects.filter(
        slide__project__in=projects_visible_to(actor), deleted_at__isnull=True
    ).select_related("author")


def annotations_of(slide_id: UUID) -> QuerySet[Annotation]:
    """Return the current annotations of a slide that the caller has fetched for its reader."""
    return Annotation.objects.filter(slide_id=slide_id, deleted_at__isnull=True).select_related("author")


def drawn_shape(row: Annotation) -> DrawnShape | None:
    """Return an annotation as learning counts it; None for a ruler, without a label or deleted."""
    is_counted = row.deleted_at is None and row.label_id is not None and row.shape != Annotation.Shape.LINE
    return DrawnShape(row.geometry, row.label_id) if is_counted else None


def drawn_region(region: Region) -> DrawnShape:
    """Return a finished region as learning counts it."""
    return DrawnShape(region.geometry, None, is_finished_region=True)


def drawn_shapes(slide: Slide) -> Iterator[DrawnShape]:
    """Yield all shapes of a slide that learning counts."""
    for row in Annotation.objects.filter(slide=slide, deleted_at__isnull=True).iterator(chunk_size=2000):
        if drawn := drawn_shape(row):
            yield drawn
    for region in Region.objects.filter(slide=slide, revoked_at__isnull=True):
        yield drawn_region(region)


def get_annotation_for(actor: User, annotation_id: UUID, *, deleted: bool = False) -> Annotation:
    """Return one annotation, a deleted one only on request; raises NotVisibleError."""
    rows = Annotation.objects.filter(pk=annotation_id, slide__project__in=projects_visible_to(actor))
    for annotation in rows.select_related("author", "slide__project").defer("slide__tissue"):
        if annotation.deleted_at is None or deleted:
            return annotation
    raise NotVisibleError


def revisions_of(annotation: Annotation) -> QuerySet[Revision]:
    """Return the revisions of an annotation, the first one first."""
    return annotation.revisions.select_related("author").order_by("number")


def latest_revisions(annotations: Iterable[Annotation]) -> dict[UUID, Revision]:
    """Return the current revision of each annotation, with its author."""
    rows = Revision.objects.filter(annotation__in=annotations, number=F("annotation__revision"))
    return {row.annotation_id: row for row in rows.select_related("author")}


def regions_visible_to(actor: User) -> QuerySet[Region]:
    """Return the finished regions on the slides that the actor sees."""
    regions = Region.objects.filter(slide__project__in=projects_visible_to(actor), revoked_at__isnull=True)
    return regions.select_related("declared_by", "slide__project").defer("slide__tissue")


def get_region_for(actor: User, region_id: UUID) -> Region:
    """Return one finished region; raises NotVisibleError."""
    region = regions_visible_to(actor).filter(pk=region_id).first()
    if region is None:
        raise NotVisibleError
    return region
