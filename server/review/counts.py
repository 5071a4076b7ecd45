"""Numbers of suggestions and of decided ones on a slide, for the gallery."""

from __future__ import annotations

from django.db.models import IntegerField, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce

from server.objects.models import ObjectSet
from server.slides.hooks import register_count


def register() -> None:
    """Register the two counts for the list of slides."""
    register_count("suggestions_count", lambda: _sum("count"))
    register_count("decided_count", lambda: _sum("review_state__decided_count"))


def _sum(field: str) -> Coalesce:
    current = ObjectSet.objects.filter(
        slide=OuterRef("pk"), state=ObjectSet.State.READY, superseded_at__isnull=True
    )
    grouped = current.order_by().values("slide").annotate(number=Sum(field))
    return Coalesce(Subquery(grouped.values("number"), output_field=IntegerField()), 0)
