"""What a person may read of object sets and heat maps."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from server.accounts.models import User
from server.core.errors import NotVisibleError
from server.objects.errors import STILL_WRITTEN, ObjectSetNotReadyError
from server.objects.models import HeatMap, ObjectSet
from server.objects.storage import open_object_files
from server.slides.selectors import slides_visible_to

if TYPE_CHECKING:
    from ml.objectset import ObjectSet as ObjectFiles


def object_sets_visible_to(actor: User) -> QuerySet[ObjectSet]:
    """Return the sets on all slides that the actor sees, the newest first."""
    return (
        ObjectSet.objects.filter(slide__in=slides_visible_to(actor))
        .select_related("slide__project")
        .prefetch_related("heat_maps")
        .order_by("-created_at", "id")
    )


def get_object_set_for(actor: User, set_id: UUID) -> ObjectSet:
    """Return one set; raises NotVisibleError."""
    found = object_sets_visible_to(actor).filter(pk=set_id).first()
    if found is None:
        raise NotVisibleError
    return found


def get_heat_map_for(actor: User, heat_map_id: UUID) -> HeatMap:
    """Return one heat map; raises NotVisibleError."""
    found = HeatMap.objects.filter(pk=heat_map_id, slide__in=slides_visible_to(actor)).first()
    if found is None:
        raise NotVisibleError
    return found


def open_object_set(object_set: ObjectSet) -> ObjectFiles:
    """Return the files of a ready set; raises ObjectSetNotReadyError."""
    if object_set.state != ObjectSet.State.READY:
        raise ObjectSetNotReadyError(STILL_WRITTEN)
    return open_object_files(str(settings.STORAGE_ROOT), object_set.storage_key)


def current_sets_of(slides: QuerySet) -> QuerySet[ObjectSet]:  # type: ignore[type-arg]
    """Return the sets that stand now on these slides: ready and not superseded by a newer run."""
    return ObjectSet.objects.filter(slide__in=slides, state=ObjectSet.State.READY, superseded_at__isnull=True)
