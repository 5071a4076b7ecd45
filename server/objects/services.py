"""Services of object sets and heat maps, whose files are written by runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from ml.contracts import HeatMap as Grid
from ml.messages import Message
from ml.objectset import write_heat_map
from server.accounts.models import User
from server.audit.services import record
from server.core.files import storage
from server.core.services import nothing_written, service
from server.jobs.services import tell_project
from server.objects.errors import STILL_WRITTEN, NotBroughtError, ObjectSetNotReadyError
from server.objects.models import HeatMap, ObjectSet
from server.objects.policies import object_set_policy
from server.objects.storage import attempt_keys, heat_map_folder, open_object_files
from server.slides.models import Slide


@service
def begin_object_set(
    *,
    actor: User,
    slide: Slide,
    name: str,
    source: str,
    labels: Sequence[Mapping[str, str]],
    producer_id: UUID | None = None,
    producer_name: str = "",
) -> ObjectSet:
    """Create a set that is being written; it is shown once it is finished.

    Only jobs write sets. The permission is checked when a job is created.
    """
    object_set = ObjectSet.objects.create(
        slide=slide,
        name=name[:200],
        source=source,
        labels=list(labels),
        producer_id=producer_id,
        producer_name=producer_name[:200],
        **({"mpp_x": slide.mpp_x, "mpp_y": slide.mpp_y} if source == ObjectSet.Source.MODEL else {}),
    )
    record(
        actor=actor,
        action="object_set.begin",
        subject=object_set,
        project=slide.project,
        details={"name": name, "producer": producer_name},
    )
    return object_set


@service
def finish_object_set(
    *,
    actor: User,
    object_set: ObjectSet,
    key: str,
    count: int,
    summary: Mapping[str, Any],
    labels: Sequence[Mapping[str, Any]] | None = None,
) -> ObjectSet:
    """Make a set ready whose files are under ``key``. Finishing it twice changes nothing.

    ``labels`` are given where they became known only while the set was written. A job needs no permission to
    end.
    """
    locked = ObjectSet.objects.select_for_update().get(pk=object_set.pk)
    if locked.state == ObjectSet.State.READY:
        nothing_written()
        if key != locked.storage_key:
            transaction.on_commit(lambda: storage.delete(key))
        return locked
    locked.state = ObjectSet.State.READY
    locked.storage_key, locked.count, locked.summary = key, count, dict(summary)
    if labels is not None:
        locked.labels = [dict(label) for label in labels]
    locked.save(update_fields=["state", "storage_key", "count", "summary", "labels"])
    record(
        actor=actor,
        action="object_set.finish",
        subject=locked,
        project=object_set.slide.project,
        details={"count": count},
    )
    return locked


@service
def discard_object_set(*, actor: User, object_set: ObjectSet) -> None:
    """Delete an unfinished set, with its heat maps and the files of all attempts.

    Clean-up needs no permission: the person who began the set may have lost theirs meanwhile.
    """
    locked = ObjectSet.objects.select_for_update().get(pk=object_set.pk)
    if locked.state == ObjectSet.State.READY:
        nothing_written()
        return
    folders = [*_heat_map_folders(locked), *attempt_keys(locked.pk)]
    record(actor=actor, action="object_set.discard", subject=locked, project=object_set.slide.project)
    locked.delete()
    transaction.on_commit(lambda: _delete_all(folders))


@service
def withdraw_object_set(*, actor: User, object_set: ObjectSet) -> bool:
    """Withdraw an imported set; return whether it was deleted completely.

    A set on which no verdict was ever given is deleted with its files. Else it steps back, as behind a
    newer one: its verdicts stay and count in training. Doing it twice changes nothing. Raises
    NotBroughtError for a set of a model, ObjectSetNotReadyError while it is being written.
    """
    project = object_set.slide.project
    object_set_policy.require(actor, project, "withdraw")
    locked = ObjectSet.objects.select_for_update().filter(pk=object_set.pk).first()
    if locked is None:
        nothing_written()
        return True
    if locked.source == ObjectSet.Source.MODEL:
        message = Message(
            "only_brought_withdrawn",
        )
        raise NotBroughtError(message)
    if locked.state != ObjectSet.State.READY:
        raise ObjectSetNotReadyError(STILL_WRITTEN)
    stays = locked.verdicts.exists()
    if stays and locked.superseded_at:
        nothing_written()
        return False
    record(
        actor=actor,
        action="object_set.withdraw",
        subject=locked,
        project=project,
        details={"name": locked.name, "count": locked.count, "deleted": not stays},
    )
    if stays:
        locked.superseded_at = timezone.now()
        locked.save(update_fields=["superseded_at"])
    else:
        keys = [locked.storage_key, *_heat_map_folders(locked)]
        locked.delete()
        transaction.on_commit(lambda: _delete_all(keys))
    tell_project(project, "object_sets", {"slide_id": str(object_set.slide_id)})
    return not stays


@service
def supersede_object_sets(*, actor: User, slide: Slide, sets: Sequence[ObjectSet]) -> None:
    """Supersede older suggestions by newer ones; their decisions stay.

    A job needs no permission to end.
    """
    if not sets:
        nothing_written()
        return
    ObjectSet.objects.filter(pk__in=[item.pk for item in sets]).update(superseded_at=timezone.now())
    for item in sets:
        record(actor=actor, action="object_set.supersede", subject=item, project=slide.project)


def grow_heat_map(*, object_set: ObjectSet, name: str, label_id: str | None, grid: Grid) -> HeatMap:
    """Write the current heat map under its next version; earlier files stay for open viewers.

    This is progress of a run that is itself on record, so it writes no record of its own.
    """
    with transaction.atomic():
        rows, columns = grid.values.shape
        heat_map, _ = HeatMap.objects.select_for_update().get_or_create(
            object_set=object_set,
            name=name,
            kind=grid.kind,
            label_id=label_id,
            defaults={
                "slide": object_set.slide,
                "x": grid.x,
                "y": grid.y,
                "step": grid.step,
                "step_y": grid.step_y,
                "rows": rows,
                "columns": columns,
                "storage_key": "",
            },
        )
        heat_map.version += 1
        heat_map.storage_key = heat_map_folder(heat_map.pk)
        folder = storage.storage_path(heat_map.storage_key)
        storage.make_folder(folder)
        write_heat_map(folder, f"v{heat_map.version}", grid)
        storage.flush_tree(folder)
        heat_map.rows, heat_map.columns = rows, columns
        heat_map.save()
    return heat_map


def drop_files_of(slide: Slide) -> None:
    """Delete the files of a slide's object sets and heat maps on commit of its deletion."""
    keys = [key for key in slide.object_sets.values_list("storage_key", flat=True) if key]
    keys += [heat_map_folder(pk) for pk in slide.heat_maps.values_list("pk", flat=True)]
    transaction.on_commit(lambda: _delete_all(keys))


def _heat_map_folders(object_set: ObjectSet) -> list[str]:
    return [heat_map_folder(pk) for pk in object_set.heat_maps.values_list("pk", flat=True)]


def _delete_all(keys: Sequence[str]) -> None:
    for key in keys:
        storage.delete(key)
    # Files that stay open keep their room on the disk.
    open_object_files.cache_clear()
