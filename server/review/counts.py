"""Numbers of suggestions and of decided ones on a slide, for the gallery."""

from __future__ import annotations

from django.db.models import IntegerField, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce

from server.objects.selectors import current_sets
from server.slides.hooks import register_count


def register() -> None:
    """Register the two counts for the list of slides."""
    register_count("suggestions_count", lambda: _sum("count"))
    register_count("decided_count", lambda: _sum("review_state__decided_count"))


def _sum(field: str) -> Coalesce:
    grouped = (
        current_sets().filter(slide=OuterRef("pk")).order_by().values("slide").annotate(number=Sum(field))
    )
    return Coalesce(Subquery(grouped.values("number"), output_field=IntegerField()), 0)
