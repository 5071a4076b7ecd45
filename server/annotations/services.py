"""Services of annotations: batches of operations, applied all or not at all, each with its revision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from ml.messages import Message
from server.accounts.models import User
from server.annotations.callbacks import DrawnShape, report_shapes
from server.annotations.checked import Change, checked_changes, checked_region
from server.annotations.errors import BadLabelError, IdTakenError, StaleRevisionError
from server.annotations.geometry import KeptShape
from server.annotations.models import Annotation, Region, Revision
from server.annotations.policies import annotation_policy, require_may_edit
from server.annotations.selectors import drawn_region, drawn_shape
from server.audit.services import record
from server.core.errors import NotVisibleError
from server.core.prepared import PreparedQuery
from server.core.row_writes import insert_rows, update_row
from server.core.services import nothing_written, prepared_by, service
from server.jobs.services import tell_project
from server.projects.models import Label, Role
from server.slides.models import Slide
from server.slides.selectors import require_ready
from server.slides.services import begin_progress

EDITABLE = ("label_id", "shape", "geometry", "note")
# Fields that only an import sets: a drawing tool has no nucleus and no other program as its source.
IMPORTED = ("nucleus", "source")
ROWS_PER_INSERT: Final = 500
# Open viewers fetch so many changed annotations by id.
MOST_TOLD: Final = 50


@dataclass(slots=True)
class _Batch:
    """State that the operations of one batch share."""

    actor: User
    slide: Slide
    role: Role
    labels: dict[Any, Label]
    may_use_retired: bool
    existing: dict[UUID, Annotation]
    touched: dict[UUID, Annotation] = field(default_factory=dict)
    conflicts: list[Annotation] = field(default_factory=list)
    done: list[dict[str, Any]] = field(default_factory=list)
    revisions: list[Revision] = field(default_factory=list)
    before: dict[UUID, DrawnShape | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Store the shapes that counted before the batch."""
        self.before = {key: drawn_shape(row) for key, row in self.existing.items()}


@prepared_by(checked_changes)
@service
def apply_changes(
    *, actor: User, slide: Slide, changes: Sequence[Change], may_use_retired: bool = False
) -> list[Annotation]:
    """Apply a batch in order, all or nothing; return every changed annotation.

    An update or deletion names its revision, a restoration may. Raises StaleRevisionError with all that
    are stale as ``conflicts``. A creation that comes twice is the same creation; a shape may be mended.
    Retired labels are refused unless ``may_use_retired``, as for a file that was exported with them.
    """
    role = annotation_policy.require(actor, slide.project, "draw")
    require_ready(slide)
    batch = _Batch(
        actor=actor,
        slide=slide,
        role=role,
        labels=_labels_of(slide, changes),
        may_use_retired=may_use_retired,
        existing=_locked_rows(changes),
    )
    for change in changes:
        _OPERATIONS[change.op](batch, change)
    if batch.conflicts:
        message = Message("changed_meanwhile")
        raise StaleRevisionError(message, conflicts=batch.conflicts)
    if not batch.done:
        nothing_written()
    else:
        _store(batch)
        record(
            actor=actor,
            action="annotation.change",
            subject=slide,
            project=slide.project,
            details={"changes": batch.done},
        )
        _report_shapes(batch)
        _begin(actor, slide)
        tell_project(
            slide.project, "annotations", {"slide_id": str(slide.pk), "changed": _changed_revisions(batch)}
        )
    return list(batch.touched.values())


def _changed_revisions(batch: _Batch) -> dict[str, int] | None:
    """Return the revisions of a batch for open viewers; None for more than they fetch by id."""
    changed = {str(row.annotation_id): batch.touched[row.annotation_id].revision for row in batch.revisions}
    return changed if len(changed) <= MOST_TOLD else None


def _for_update(**condition: Any) -> QuerySet[Annotation]:
    return Annotation.objects.select_for_update(of=("self",)).filter(**condition).select_related("author")


_row_for_update = PreparedQuery(lambda key: _for_update(pk=key), UUID)
_label_of_project = PreparedQuery(
    lambda project_id, key: Label.objects.order_by().filter(project_id=project_id, pk=key), UUID, UUID
)


def _locked_rows(changes: Sequence[Change]) -> dict[UUID, Annotation]:
    """Return the annotations of the changes by id, locked until the transaction ends."""
    ids = [change.id for change in changes]
    rows = _row_for_update(*ids) if len(ids) == 1 else _for_update(pk__in=ids)
    return {row.pk: row for row in rows}


def _labels_of(slide: Slide, changes: Sequence[Change]) -> dict[Any, Label]:
    """Return the labels of the changes by id."""
    named = list({label for change in changes if (label := change.values.get("label_id")) is not None})
    if len(named) == 1:
        rows = _label_of_project(slide.project_id, *named)
    else:
        rows = list(Label.objects.filter(project_id=slide.project_id, pk__in=named)) if named else []
    return {label.pk: label for label in rows}


def _begin(actor: User, slide: Slide) -> None:
    """Start the progress of a slide with its first annotation, and notify open galleries."""
    if slide.progress_state == Slide.ProgressState.NEW and begin_progress(actor=actor, slide=slide):
        tell_project(slide.project, "slides", {"slide_id": str(slide.pk)})


def _create(batch: _Batch, change: Change) -> None:
    known = batch.existing.get(change.id)
    if known is not None:
        same = known.slide_id == batch.slide.pk and known.author_id == batch.actor.pk
        kept = change.kept.geometry if change.kept else None
        if not same or known.revision != 1 or known.geometry != kept:
            message = Message("annotation_id_taken")
            raise IdTakenError(message)
        batch.touched[known.pk] = known
        return
    annotation = Annotation(pk=change.id, slide=batch.slide, author=batch.actor, revision=0)
    parent = change.values.get("parent")
    if parent:
        annotation.parent_object_set_id = parent["object_set_id"]
        annotation.parent_object_index = parent["index"]
    _assign(batch, annotation, change)
    _write(batch, annotation, Revision.Change.CREATED)


def _update(batch: _Batch, change: Change) -> None:
    annotation = _locked(batch, change)
    if annotation is None:
        return
    if change.has_outline and change.kept is None:
        # It was created after the changes were checked.
        batch.conflicts.append(annotation)
        return
    _assign(batch, annotation, change)
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
    require_may_edit(batch.actor, batch.role, annotation)
    if change.revision not in (None, annotation.revision):
        batch.conflicts.append(annotation)
        return
    if annotation.deleted_at is None:
        batch.touched[annotation.pk] = annotation
        return
    annotation.deleted_at = None
    _write(batch, annotation, Revision.Change.RESTORED)


_OPERATIONS = {"create": _create, "update": _update, "delete": _delete, "restore": _restore}


def _locked(batch: _Batch, change: Change) -> Annotation | None:
    """Return the row to change; None for a stale edit, which is recorded."""
    annotation = batch.existing.get(change.id)
    if annotation is None or annotation.slide_id != batch.slide.pk:
        raise NotVisibleError
    require_may_edit(batch.actor, batch.role, annotation)
    if annotation.revision != change.revision or annotation.deleted_at is not None:
        batch.conflicts.append(annotation)
        return None
    return annotation


def _assign(batch: _Batch, annotation: Annotation, change: Change) -> None:
    values, kept = change.values, change.kept
    for name in (*EDITABLE, *IMPORTED):
        if name in values:
            setattr(annotation, name, values[name])
    if "label_id" in values and annotation.label_id is not None:
        label = batch.labels.get(annotation.label_id)
        if label is None or (label.retired_at is not None and not batch.may_use_retired):
            message = Message("label_not_here")
            raise BadLabelError(message, field="label_id")
    if kept is not None:
        annotation.geometry = kept.geometry
        annotation.min_x, annotation.min_y, annotation.max_x, annotation.max_y = kept.bounds
        annotation.area_px, annotation.length_px = kept.area, kept.length


def _write(batch: _Batch, annotation: Annotation, change: Revision.Change) -> None:
    """Add a change to those of the batch, to be stored together."""
    annotation.revision += 1
    batch.revisions.append(
        Revision(
            annotation=annotation,
            number=annotation.revision,
            change=change,
            author=batch.actor,
            label_id=annotation.label_id,
            shape=annotation.shape,
            geometry=annotation.geometry,
            note=annotation.note,
            nucleus=annotation.nucleus,
        )
    )
    batch.existing[annotation.pk] = annotation
    batch.touched[annotation.pk] = annotation
    batch.done.append({"id": str(annotation.pk), "change": change, "revision": annotation.revision})


def _store(batch: _Batch) -> None:
    """Write the annotations after the batch, and a revision for each change."""
    changed = dict.fromkeys(row.annotation_id for row in batch.revisions)
    created = {row.annotation_id for row in batch.revisions if row.number == 1}
    insert_rows([batch.touched[key] for key in changed if key in created], ROWS_PER_INSERT)
    for key in changed:
        if key not in created:
            update_row(batch.touched[key])
    insert_rows(batch.revisions, ROWS_PER_INSERT)


def _report_shapes(batch: _Batch) -> None:
    """Call the callbacks with the shapes that the batch changed; the audit lock makes the order total."""
    changed = dict.fromkeys(row.annotation_id for row in batch.revisions)
    before = [batch.before.get(key) for key in changed]
    after = [drawn_shape(batch.touched[key]) for key in changed]
    pairs = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    report_shapes(batch.slide, [old for old, _ in pairs if old], [new for _, new in pairs if new])


@prepared_by(checked_region)
@service
def declare_finished(
    *,
    actor: User,
    slide: Slide,
    region_id: UUID,
    geometry: Mapping[str, Any] | KeptShape,
) -> Region:
    """Declare an area finished: everything in it is annotated. The same id twice is the same region."""
    annotation_policy.require(actor, slide.project, "declare_finished")
    require_ready(slide)
    kept = cast("KeptShape", geometry)
    known = Region.objects.filter(pk=region_id).select_related("declared_by").first()
    if known is not None:
        if known.slide_id != slide.pk or known.geometry != kept.geometry:
            message = Message("region_id_taken")
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
    report_shapes(slide, [], [drawn_region(region)])
    _begin(actor, slide)
    tell_project(slide.project, "annotations", {"slide_id": str(slide.pk)})
    return region


@service
def revoke_finished(*, actor: User, region: Region) -> None:
    """Revoke a finished region."""
    annotation_policy.require(actor, region.slide.project, "declare_finished")
    locked = Region.objects.select_for_update().get(pk=region.pk)
    if locked.revoked_at is not None:
        nothing_written()
        return
    locked.revoked_at = timezone.now()
    locked.save(update_fields=["revoked_at"])
    record(actor=actor, action="region.revoke_finished", subject=locked, project=region.slide.project)
    report_shapes(region.slide, [drawn_region(locked)], [])
    tell_project(region.slide.project, "annotations", {"slide_id": str(region.slide_id)})
