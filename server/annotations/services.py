"""Drawing: every change is one of a few operations, applied all or not at all, each with its revision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.utils import timezone

from ml.contracts import Sentence
from server.accounts.models import User
from server.annotations.errors import (
    BadGeometryError,
    BadLabelError,
    IdTakenError,
    StaleRevisionError,
)
from server.annotations.geometry import keep_shape
from server.annotations.models import Annotation, Region, Revision
from server.annotations.policies import annotation_policy
from server.audit.services import record
from server.core.errors import NotVisibleError
from server.core.services import nothing_written, service
from server.projects.models import Label, Role
from server.slides.models import Slide
from server.slides.selectors import require_ready

EDITABLE = ("label_id", "shape", "geometry", "note")


@dataclass(frozen=True, slots=True)
class Change:
    """One operation of a batch. ``values`` holds what is set; ``revision`` what the edit starts from."""

    op: str
    id: UUID
    revision: int | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Batch:
    """What the operations of one batch share."""

    actor: User
    slide: Slide
    role: Role
    labels: dict[Any, Label]
    existing: dict[UUID, Annotation]
    touched: dict[UUID, Annotation] = field(default_factory=dict)
    conflicts: list[Annotation] = field(default_factory=list)
    done: list[dict[str, Any]] = field(default_factory=list)


@service
def apply_changes(*, actor: User, slide: Slide, changes: Sequence[Change]) -> list[Annotation]:
    """Apply a batch in order, all or nothing; return every annotation it touched, as it now stands.

    An update or deletion names its revision. Raises StaleRevisionError with all that are stale as
    ``conflicts``. A creation that comes twice is the same creation; a shape may be mended on the way.
    """
    role = annotation_policy.require(actor, slide.project, "draw")
    require_ready(slide)
    batch = _Batch(
        actor=actor,
        slide=slide,
        role=role,
        labels={label.pk: label for label in Label.objects.filter(project_id=slide.project_id)},
        existing={
            row.pk: row
            for row in Annotation.objects.select_for_update(of=("self",))
            .filter(pk__in=[change.id for change in changes])
            .select_related("author")
        },
    )
    for number, change in enumerate(changes):
        try:
            _OPERATIONS[change.op](batch, change)
        except BadGeometryError as error:
            error.extra.setdefault("errors", {f"changes.{number}.geometry": [error.detail]})
            raise
    if batch.conflicts:
        message = Sentence(
            "changed_meanwhile", "Somebody changed this in the meantime. Choose which version to keep."
        )
        raise StaleRevisionError(message, conflicts=batch.conflicts)
    if not batch.done:
        nothing_written()
    else:
        record(
            actor=actor,
            action="annotation.change",
            subject=slide,
            project=slide.project,
            details={"changes": batch.done},
        )
    return list(batch.touched.values())


def _create(batch: _Batch, change: Change) -> None:
    known = batch.existing.get(change.id)
    kept = keep_shape(
        change.values["geometry"], change.values["shape"], (batch.slide.width, batch.slide.height)
    )
    if known is not None:
        same = known.slide_id == batch.slide.pk and known.author_id == batch.actor.pk
        if not same or known.revision != 1 or known.geometry != kept.geometry:
            message = "Another annotation has this id already."
            raise IdTakenError(message)
        batch.touched[known.pk] = known
        return
    annotation = Annotation(pk=change.id, slide=batch.slide, author=batch.actor, revision=0)
    parent = change.values.get("parent")
    if parent:
        annotation.parent_object_set_id = parent["object_set_id"]
        annotation.parent_object_index = parent["index"]
    _assign(batch, annotation, change.values)
    _write(batch, annotation, Revision.Change.CREATED)


def _update(batch: _Batch, change: Change) -> None:
    annotation = _locked(batch, change)
    if annotation is None:
        return
    _assign(batch, annotation, change.values)
    _write(batch, annotation, Revision.Change.EDITED)


def _delete(batch: _Batch, change: Change) -> None:
    annotation = _locked(batch, change)
    if annotation is None:
        return
    annotation.deleted_at = timezone.now()
    _write(batch, annotation, Revision.Change.DELETED)


def _restore(batch: _Batch, change: Change) -> None:
    annotation = batch.existing.get(change.id)
    if annotation is None or annotation.slide_id != batch.slide.pk:
        raise NotVisibleError
    annotation_policy.require_edit(batch.actor, batch.role, annotation)
    if annotation.deleted_at is None:
        batch.touched[annotation.pk] = annotation
        return
    annotation.deleted_at = None
    _write(batch, annotation, Revision.Change.RESTORED)


_OPERATIONS = {"create": _create, "update": _update, "delete": _delete, "restore": _restore}


def _locked(batch: _Batch, change: Change) -> Annotation | None:
    """Return the row to change; None when the edit is stale, which is noted."""
    annotation = batch.existing.get(change.id)
    if annotation is None or annotation.slide_id != batch.slide.pk:
        raise NotVisibleError
    annotation_policy.require_edit(batch.actor, batch.role, annotation)
    if annotation.revision != change.revision or annotation.deleted_at is not None:
        batch.conflicts.append(annotation)
        return None
    return annotation


def _assign(batch: _Batch, annotation: Annotation, values: Mapping[str, Any]) -> None:
    for name in EDITABLE:
        if name in values:
            setattr(annotation, name, values[name])
    if "label_id" in values and annotation.label_id is not None:
        label = batch.labels.get(annotation.label_id)
        if label is None or label.retired_at is not None:
            message = Sentence("label_not_here", "This label is not in the project, or it has been retired.")
            raise BadLabelError(message, field="label_id")
    if "geometry" in values or "shape" in values:
        kept = keep_shape(annotation.geometry, annotation.shape, (batch.slide.width, batch.slide.height))
        annotation.geometry = kept.geometry
        annotation.min_x, annotation.min_y, annotation.max_x, annotation.max_y = kept.bounds
        annotation.area_px, annotation.length_px = kept.area, kept.length


def _write(batch: _Batch, annotation: Annotation, change: Revision.Change) -> None:
    annotation.revision += 1
    annotation.save(force_insert=annotation.revision == 1)
    Revision.objects.create(
        annotation=annotation,
        number=annotation.revision,
        change=change,
        author=batch.actor,
        label_id=annotation.label_id,
        shape=annotation.shape,
        geometry=annotation.geometry,
        note=annotation.note,
    )
    batch.existing[annotation.pk] = annotation
    batch.touched[annotation.pk] = annotation
    batch.done.append({"id": str(annotation.pk), "change": change, "revision": annotation.revision})


@service
def declare_finished(*, actor: User, slide: Slide, region_id: UUID, geometry: Mapping[str, Any]) -> Region:
    """Declare an area finished: everything in it is annotated. The same id twice is the same region."""
    annotation_policy.require(actor, slide.project, "declare_finished")
    require_ready(slide)
    kept = keep_shape(geometry, "polygon", (slide.width, slide.height))
    known = Region.objects.filter(pk=region_id).select_related("declared_by").first()
    if known is not None:
        if known.slide_id != slide.pk or known.geometry != kept.geometry:
            message = "Another region has this id already."
            raise IdTakenError(message)
        nothing_written()
        return known
    region = Region.objects.create(
        pk=region_id, slide=slide, geometry=kept.geometry, area_px=kept.area, declared_by=actor
    )
    record(
        actor=actor,
        action="region.declare_finished",
        subject=region,
        project=slide.project,
        details={"slide": str(slide.pk), "area_px": kept.area},
    )
    return region


@service
def revoke_finished(*, actor: User, region: Region) -> None:
    """Take back that an area is finished."""
    annotation_policy.require(actor, region.slide.project, "declare_finished")
    locked = Region.objects.select_for_update().get(pk=region.pk)
    if locked.revoked_at is not None:
        nothing_written()
        return
    locked.revoked_at = timezone.now()
    locked.save(update_fields=["revoked_at"])
    record(actor=actor, action="region.revoke_finished", subject=locked, project=region.slide.project)
