"""Queries of annotations, their revisions and finished regions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

from django.db.models import F, QuerySet

from server.accounts.models import User
from server.accounts.selectors import hidden_fields
from server.annotations.callbacks import DrawnShape
from server.annotations.models import Annotation, Region, Revision
from server.core.errors import NotVisibleError
from server.core.prepared import PreparedQuery
from server.projects.selectors import projects_visible_to
from server.slides.models import Slide


def current_annotations() -> QuerySet[Annotation]:
    """Return the annotations of all projects that are not deleted."""
    return Annotation.objects.filter(deleted_at__isnull=True)


def finished_regions() -> QuerySet[Region]:
    """Return the finished regions of all projects that are not revoked."""
    return Region.objects.filter(revoked_at__isnull=True)


def annotations_visible_to(actor: User) -> QuerySet[Annotation]:
    """Return the current annotations on the slides that the actor sees."""
    visible = current_annotations().filter(slide__project__in=projects_visible_to(actor))
    return visible.select_related("author")


def annotations_of(slide_id: UUID) -> QuerySet[Annotation]:
    """Return the current annotations of a slide that the caller has fetched for its reader."""
    rows = current_annotations().filter(slide_id=slide_id).select_related("author")
    return rows.defer(*hidden_fields("author"))


def drawn_shape(row: Annotation) -> DrawnShape | None:
    """Return an annotation as learning counts it; None for a ruler, without a label or deleted."""
    is_counted = row.deleted_at is None and row.label_id is not None and row.shape != Annotation.Shape.LINE
    return DrawnShape(row.geometry, row.label_id) if is_counted else None


def drawn_region(region: Region) -> DrawnShape:
    """Return a finished region as learning counts it."""
    return DrawnShape(region.geometry, None, is_finished_region=True)


def drawn_shapes(slide: Slide) -> Iterator[DrawnShape]:
    """Yield all shapes of a slide that learning counts."""
    for row in current_annotations().filter(slide=slide).iterator(chunk_size=2000):
        if drawn := drawn_shape(row):
            yield drawn
    for region in finished_regions().filter(slide=slide):
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
    regions = finished_regions().filter(slide__project__in=projects_visible_to(actor))
    return regions.select_related("declared_by", "slide__project").defer("slide__tissue")


def get_region_for(actor: User, region_id: UUID) -> Region:
    """Return one finished region; raises NotVisibleError."""
    region = regions_visible_to(actor).filter(pk=region_id).first()
    if region is None:
        raise NotVisibleError
    return region


_annotation_of_slide = PreparedQuery(
    lambda slide_id, key: Annotation.objects.order_by().filter(slide_id=slide_id, pk=key), UUID, UUID
)


def annotations_by_id(slide_id: UUID, annotation_ids: Sequence[UUID]) -> dict[UUID, Annotation]:
    """Return those of the annotations that are on a slide, deleted ones too, by their ids."""
    rows: Iterable[Annotation]
    if len(annotation_ids) == 1:
        rows = _annotation_of_slide(slide_id, *annotation_ids)
    else:
        # No ids need no statement.
        rows = Annotation.objects.filter(pk__in=annotation_ids, slide_id=slide_id) if annotation_ids else ()
    return {row.pk: row for row in rows}


def annotations_with_ids(annotation_ids: Iterable[UUID]) -> QuerySet[Annotation]:
    """Return the annotations of any slide with these ids, deleted ones too, for an import to compare."""
    return Annotation.objects.filter(pk__in=annotation_ids).select_related("author", "label")


def regions_with_ids(region_ids: Iterable[UUID]) -> QuerySet[Region]:
    """Return the finished regions of any slide with these ids, revoked ones too, for an import to compare."""
    return Region.objects.filter(pk__in=region_ids)


def revisions_of_each(annotation_ids: Iterable[UUID]) -> QuerySet[Revision]:
    """Return every revision of the annotations with these ids, by number."""
    return Revision.objects.filter(annotation_id__in=annotation_ids).order_by("number")
