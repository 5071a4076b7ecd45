"""What a person may read of annotations, their revisions and finished regions."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from server.accounts.models import User
from server.annotations.models import Annotation, Region, Revision
from server.core.errors import NotVisibleError
from server.slides.selectors import slides_visible_to


def annotations_visible_to(actor: User) -> QuerySet[Annotation]:
    """Return the annotations that stand on the slides that the actor sees."""
    return Annotation.objects.filter(
        slide__in=slides_visible_to(actor), deleted_at__isnull=True
    ).select_related("author")


def get_annotation_for(actor: User, annotation_id: UUID, *, deleted: bool = False) -> Annotation:
    """Return one annotation, a deleted one only when asked; raises NotVisibleError."""
    found = (
        Annotation.objects.filter(pk=annotation_id, slide__in=slides_visible_to(actor))
        .select_related("author", "slide__project")
        .first()
    )
    if found is None or (found.deleted_at is not None and not deleted):
        raise NotVisibleError
    return found


def revisions_of(annotation: Annotation) -> QuerySet[Revision]:
    """Return how an annotation stood after each change, the first one first."""
    return annotation.revisions.select_related("author").order_by("number")


def regions_visible_to(actor: User) -> QuerySet[Region]:
    """Return the finished regions on the slides that the actor sees."""
    return Region.objects.filter(slide__in=slides_visible_to(actor), revoked_at__isnull=True).select_related(
        "declared_by", "slide__project"
    )


def get_region_for(actor: User, region_id: UUID) -> Region:
    """Return one finished region; raises NotVisibleError."""
    found = regions_visible_to(actor).filter(pk=region_id).first()
    if found is None:
        raise NotVisibleError
    return found
