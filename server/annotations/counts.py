"""Numbers of annotations and finished regions of a slide, for the gallery."""

from __future__ import annotations

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from server.annotations.selectors import current_annotations, finished_regions
from server.slides.hooks import register_count


def register() -> None:
    """Register the two counts for the list of slides."""
    register_count("annotations_count", lambda: _per_slide(current_annotations()))
    register_count("regions_count", lambda: _per_slide(finished_regions()))


def _per_slide(rows: QuerySet) -> Coalesce:  # type: ignore[type-arg]
    grouped = rows.filter(slide=OuterRef("pk")).order_by().values("slide").annotate(number=Count("*"))
    return Coalesce(Subquery(grouped.values("number"), output_field=IntegerField()), 0)
