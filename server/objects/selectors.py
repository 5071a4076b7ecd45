"""Queries of object sets and heat maps."""

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
from server.projects.models import Project
from server.projects.selectors import VisibleRow, projects_visible_to
from server.slides.selectors import slides_visible_to

if TYPE_CHECKING:
    from ml.objectset import ObjectSet as ObjectFiles


def object_sets_visible_to(actor: User) -> QuerySet[ObjectSet]:
    """Return the sets on all slides that the actor sees, the newest first."""
    return _sets_of(projects_visible_to(actor)).order_by("-created_at", "id")


def _sets_of(projects: QuerySet[Project]) -> QuerySet[ObjectSet]:
    sets = ObjectSet.objects.filter(slide__project__in=projects)
    return sets.select_related("slide__project").defer("slide__tissue")


_object_set = VisibleRow(_sets_of)


def get_object_set_for(actor: User, set_id: UUID) -> ObjectSet:
    """Return one set; raises NotVisibleError."""
    return _object_set.get(actor, set_id)


def get_heat_map_for(actor: User, heat_map_id: UUID) -> HeatMap:
    """Return one heat map; raises NotVisibleError."""
    heat_map = HeatMap.objects.filter(pk=heat_map_id, slide__in=slides_visible_to(actor)).first()
    if heat_map is None:
        raise NotVisibleError
    return heat_map


def open_object_set(object_set: ObjectSet) -> ObjectFiles:
    """Return the files of a ready set; raises ObjectSetNotReadyError."""
    if object_set.state != ObjectSet.State.READY:
        raise ObjectSetNotReadyError(STILL_WRITTEN)
    return open_object_files(str(settings.STORAGE_ROOT), object_set.storage_key)


def current_sets() -> QuerySet[ObjectSet]:
    """Return the current sets of all projects: ready and not superseded."""
    return ObjectSet.objects.filter(state=ObjectSet.State.READY, superseded_at__isnull=True)


def current_sets_of_project(project: Project | UUID) -> QuerySet[ObjectSet]:
    """Return the current sets of a project; the caller has checked the permission."""
    return current_sets().filter(slide__project=project)


def current_sets_of(slides: QuerySet) -> QuerySet[ObjectSet]:  # type: ignore[type-arg]
    """Return the current sets of these slides."""
    return current_sets().filter(slide__in=slides)


def sets_produced_by(producer_id: UUID) -> QuerySet[ObjectSet]:
    """Return the sets that a prediction run or an import job wrote, in any state."""
    return ObjectSet.objects.filter(producer_id=producer_id).select_related("slide__project")
