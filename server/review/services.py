"""Services of verdicts. Each is an immutable row; the state of a set is their fold, in one locked row."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, cast
from uuid import UUID

from django.db import transaction
from pyroaring import BitMap

from ml.messages import Message
from server.accounts.models import User
from server.annotations.checked import Change, checked_changes
from server.annotations.models import Annotation
from server.annotations.services import apply_changes
from server.audit.services import record
from server.core.errors import ConflictError, ContentError
from server.core.prepared import PreparedQuery
from server.core.row_writes import insert_row, update_row
from server.core.services import nothing_written, prepared_by, service
from server.jobs.services import tell_project
from server.objects.models import ObjectSet
from server.projects.models import Label
from server.review.decisions.bitmaps import read_bitmap
from server.review.decisions.cache import decisions_at, decisions_now, remember
from server.review.decisions.fold import Decisions, fold_again, store
from server.review.errors import (
    AlreadyDecidedError,
    AlreadyUndoneError,
    NothingConcernedError,
    NotYourVerdictError,
)
from server.review.models import ReviewState, Skip, Verdict
from server.review.object_selection import ObjectFilter, matched_by_filter, require_numbers
from server.review.policies import review_policy
from server.review.selectors import said_since, standing_verdicts
from server.slides.models import Slide
from server.slides.services import begin_progress

# How many of the suggestions that somebody else decided first are named in a refusal.
MOST_TOLD: Final = 100

_verdict_by_id = PreparedQuery(
    lambda key: Verdict.objects.select_related("reviewer", "annotation").filter(pk=key), UUID
)
_version_for_update = PreparedQuery(
    lambda key: ReviewState.objects.select_for_update().only("version").filter(pk=key), UUID
)


def _matched_before(
    *, actor: User, object_set: ObjectSet, object_filter: ObjectFilter | BitMap | None = None, **_: Any
) -> dict[str, BitMap]:
    """Return the objects that a filter matches, decided or not, in place of the filter."""
    if object_filter is None or isinstance(object_filter, BitMap):
        return {}
    review_policy.require(actor, object_set.slide.project, "decide")
    return {"object_filter": matched_by_filter(object_set, object_filter)}


@prepared_by(_matched_before)
@service
def give_verdict(
    *,
    actor: User,
    object_set: ObjectSet,
    kind: str,
    label: Label | None = None,
    reason: str = "",
    comment: str = "",
    indices: Sequence[int] | None = None,
    object_filter: ObjectFilter | BitMap | None = None,
    replaces: int | None = None,
    verdict_id: UUID | None = None,
) -> Verdict:
    """Accept, reject or relabel objects, given by number or by a filter.

    A filter concerns open objects only; ``object_filter`` may be its matching objects instead. A number that
    has a verdict raises AlreadyDecidedError, unless ``replaces`` names the version of the state that the
    reviewer has seen: later verdicts of others are not replaced either. ``verdict_id`` makes a verdict that
    is sent again the same one. Raises NothingConcernedError when nothing is left.
    """
    review_policy.require(actor, object_set.slide.project, "decide")
    _check_label(object_set, kind, label)
    state, decisions = _locked_state(object_set)
    if before := _sent_before(actor, object_set, verdict_id):
        return before
    objects = _choose(object_set, decisions, indices, cast("BitMap | None", object_filter))
    _refuse_decided(actor, state, decisions, objects, replaces)
    verdict = Verdict(
        pk=verdict_id or uuid.uuid4(),
        object_set=object_set,
        kind=kind,
        reviewer=actor,
        label=label if kind == Verdict.Kind.RELABELLED else None,
        reason=reason if kind == Verdict.Kind.REJECTED else "",
        comment=comment,
        **_concerning(objects),
    )
    decisions.apply(kind, objects, str(label.pk) if label else None)
    return _write(state, decisions, verdict)


def count_concerned(*, actor: User, object_set: ObjectSet, object_filter: ObjectFilter) -> int:
    """Return the number of open objects of a filter; writes nothing."""
    review_policy.require(actor, object_set.slide.project, "decide")
    return len(matched_by_filter(object_set, object_filter) - decisions_now(object_set.pk).decided)


def _outline_before(
    *, actor: User, object_set: ObjectSet, annotation_id: UUID, values: Mapping[str, Any], **_: Any
) -> dict[str, Change]:
    """Return the checked change that creates the annotation in place of a suggestion."""
    review_policy.require(actor, object_set.slide.project, "decide")
    change = Change("create", annotation_id, None, values)
    return {"change": checked_changes(slide=object_set.slide, changes=[change])["changes"][0]}


@prepared_by(_outline_before)
@service
def redraw_suggestion(
    *,
    actor: User,
    object_set: ObjectSet,
    index: int,
    annotation_id: UUID,
    values: Mapping[str, Any],
    replaces: int | None = None,
    verdict_id: UUID | None = None,
    change: Change | None = None,
) -> tuple[Verdict, Annotation]:
    """Replace a suggestion by an annotation whose parent it is.

    ``replaces`` and ``verdict_id`` as with ``give_verdict``; ``change`` is the checked creation.
    """
    review_policy.require(actor, object_set.slide.project, "decide")
    state, decisions = _locked_state(object_set)
    before = _sent_before(actor, object_set, verdict_id)
    if before is not None and before.annotation is not None:
        return before, before.annotation
    objects = _choose(object_set, decisions, [index], None)
    _refuse_decided(actor, state, decisions, objects, replaces)
    drawn = change or Change("create", annotation_id, None, values)
    parent = {"object_set_id": object_set.pk, "index": index}
    [annotation] = apply_changes(
        actor=actor,
        slide=object_set.slide,
        changes=[replace(drawn, values={**drawn.values, "parent": parent})],
    )
    verdict = Verdict(
        pk=verdict_id or uuid.uuid4(),
        object_set=object_set,
        kind=Verdict.Kind.REDRAWN,
        reviewer=actor,
        annotation=annotation,
        **_concerning(objects),
    )
    decisions.apply(verdict.kind, objects, None)
    return _write(state, decisions, verdict), annotation


@service
def undo_verdict(*, actor: User, verdict: Verdict, undoing_id: UUID | None = None) -> Verdict:
    """Undo a verdict, by another verdict. Earlier verdicts are in force again.

    ``undoing_id`` makes an undoing that is sent again the same one.
    """
    object_set = verdict.object_set
    role = review_policy.require(actor, object_set.slide.project, "decide")
    if verdict.reviewer_id != actor.pk and not review_policy.includes(role, "undo_others"):
        message = Message("verdict_of_another")
        raise NotYourVerdictError(message)
    state, decisions = _locked_state(object_set)
    if before := _sent_before(actor, object_set, undoing_id):
        return before
    if verdict.kind == Verdict.Kind.UNDONE or Verdict.objects.filter(undoes=verdict).exists():
        message = Message("taken_back_already")
        raise AlreadyUndoneError(message)
    _delete_redrawing(actor, verdict)
    objects = read_bitmap(verdict.objects_bitmap)
    undoing = Verdict(
        pk=undoing_id or uuid.uuid4(),
        object_set=object_set,
        kind=Verdict.Kind.UNDONE,
        reviewer=actor,
        undoes=verdict,
        **_concerning(objects),
    )
    # Only verdicts that share an object with this one can stand in its place.
    others = Verdict.objects.filter(
        object_set=object_set, first_index__lte=verdict.last_index, last_index__gte=verdict.first_index
    )
    fold_again(decisions, objects, [*others.order_by("sequence").iterator(), undoing])
    return _write(state, decisions, undoing)


@service
def skip_suggestion(*, actor: User, object_set: ObjectSet, index: int) -> None:
    """Skip a suggestion for this reviewer; the queues of others do not change."""
    review_policy.require(actor, object_set.slide.project, "decide")
    require_numbers(object_set, [index])
    skip, new = Skip.objects.get_or_create(object_set=object_set, object_index=index, reviewer=actor)
    if not new:
        nothing_written()
        return
    record(
        actor=actor,
        action="suggestion.skip",
        subject=skip,
        project=object_set.slide.project,
        details={"object_set": str(object_set.pk), "index": index},
    )


@service
def unskip_suggestion(*, actor: User, object_set: ObjectSet, index: int) -> None:
    """Return a skipped suggestion to the reviewer's queue."""
    review_policy.require(actor, object_set.slide.project, "decide")
    skip = Skip.objects.filter(object_set=object_set, object_index=index, reviewer=actor).first()
    if skip is None:
        nothing_written()
        return
    record(
        actor=actor,
        action="suggestion.unskip",
        subject=skip,
        project=object_set.slide.project,
        details={"object_set": str(object_set.pk), "index": index},
    )
    skip.delete()


def _sent_before(actor: User, object_set: ObjectSet, verdict_id: UUID | None) -> Verdict | None:
    """Return the stored verdict of this id, whose response was lost; None for a new one."""
    if verdict_id is None:
        return None
    earlier = _verdict_by_id.first(verdict_id)
    if earlier is None:
        return None
    if (earlier.reviewer_id, earlier.object_set_id) != (actor.pk, object_set.pk):
        message = Message("verdict_id_taken")
        raise ConflictError(message)
    nothing_written()
    return earlier


def _choose(
    object_set: ObjectSet,
    decisions: Decisions,
    indices: Sequence[int] | None,
    matched: BitMap | None,
) -> BitMap:
    if indices is None:
        chosen = (matched or BitMap()) - decisions.decided
    else:
        require_numbers(object_set, indices)
        chosen = BitMap(indices)
    if not chosen:
        message = Message("nothing_open_concerned")
        raise NothingConcernedError(message)
    return chosen


def _refuse_decided(
    actor: User, state: ReviewState, decisions: Decisions, objects: BitMap, replaces: int | None
) -> None:
    """Raise AlreadyDecidedError, with author and verdict, for objects that would be overwritten unseen."""
    decided = objects & decisions.decided
    if replaces is not None and decided:
        decided &= said_since(state.object_set_id, replaces, actor, decided)
    if decided:
        message = Message("decided_already", count=len(decided))
        shown = list(decided[:MOST_TOLD])
        verdicts = standing_verdicts(state.object_set_id, shown)
        raise AlreadyDecidedError(message, indices=shown, decided=verdicts, version=state.version)


def _check_label(object_set: ObjectSet, kind: str, label: Label | None) -> None:
    if kind != Verdict.Kind.RELABELLED:
        return
    if label is None or label.project_id != object_set.slide.project_id or label.retired_at:
        message = Message("name_a_label")
        raise ContentError(message, code="bad_label", field="label_id")


def _locked_state(object_set: ObjectSet) -> tuple[ReviewState, Decisions]:
    """Lock the decisions on a set; return their row and their content, which may be changed."""
    state = _version_for_update.first(object_set.pk)
    if state is None:
        ReviewState.objects.get_or_create(object_set=object_set)
        [state] = _version_for_update(object_set.pk)
    return state, decisions_at(object_set.pk, state.version).copy()


def _concerning(objects: BitMap) -> dict[str, Any]:
    """Return the columns of a verdict that describe its objects."""
    return {
        "objects_bitmap": objects.serialize(),
        "first_index": objects.min(),
        "last_index": objects.max(),
        "count": len(objects),
    }


def _write(state: ReviewState, decisions: Decisions, verdict: Verdict) -> Verdict:
    """Append the verdict, store the new state, and record it in the audit."""
    state.version += 1
    verdict.sequence = state.version
    insert_row(verdict)
    update_row(state, ("version", *store(state, decisions)))
    transaction.on_commit(lambda: remember(state.pk, state.version, decisions))
    record(
        actor=verdict.reviewer,
        action=f"verdict.{verdict.kind}",
        subject=verdict,
        project=verdict.object_set.slide.project,
        details={"object_set": str(verdict.object_set_id), "count": verdict.count, "reason": verdict.reason},
    )
    slide = verdict.object_set.slide
    if slide.progress_state == Slide.ProgressState.NEW:
        begin_progress(actor=verdict.reviewer, slide=slide)
    tell_project(slide.project, "verdict", _news(verdict))
    return verdict


def _news(verdict: Verdict) -> dict[str, Any]:
    """Return the notification of a verdict for open clients of the project."""
    reviewer = verdict.reviewer
    return {
        "id": str(verdict.pk),
        "object_set_id": str(verdict.object_set_id),
        "slide_id": str(verdict.object_set.slide_id),
        "sequence": verdict.sequence,
        "kind": verdict.kind,
        "label_id": str(verdict.label_id) if verdict.label_id else None,
        "count": verdict.count,
        "undoes": str(verdict.undoes_id) if verdict.undoes_id else None,
        "reviewer": {
            "id": str(reviewer.pk),
            "username": reviewer.username,
            "display_name": reviewer.display_name,
        },
    }


def _delete_redrawing(actor: User, verdict: Verdict) -> None:
    annotation = verdict.annotation
    if annotation is not None and annotation.deleted_at is None:
        change = Change("delete", annotation.pk, annotation.revision)
        apply_changes(actor=actor, slide=verdict.object_set.slide, changes=[change])
