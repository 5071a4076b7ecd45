"""Verdicts. Each is a row that never changes; the state of a set is their fold, in one locked row."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from pyroaring import BitMap

from ml.contracts import Sentence
from server.accounts.models import User
from server.annotations.models import Annotation
from server.annotations.services import Change, apply_changes
from server.audit.services import record
from server.core.errors import ConflictError, ContentError
from server.core.services import nothing_written, service
from server.jobs.services import tell_project
from server.objects.models import ObjectSet
from server.projects.models import Label, Role
from server.projects.policies import reaches
from server.review.bitmaps import read_bitmap
from server.review.choosing import chosen_by_filter, require_numbers
from server.review.errors import (
    AlreadyDecidedError,
    AlreadyUndoneError,
    NothingConcernedError,
    NotYourVerdictError,
)
from server.review.fold import Decisions, fold_again, store
from server.review.models import ReviewState, Skip, Verdict
from server.review.policies import review_policy
from server.review.remembered import decisions_at, decisions_now, remember
from server.review.selectors import said_since, standing_verdicts

# How many of the suggestions that somebody else decided first are named in a refusal.
MOST_TOLD: Final = 100


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
    wanted: Mapping[str, Any] | None = None,
    replaces: int | None = None,
    verdict_id: UUID | None = None,
) -> Verdict:
    """Accept, reject or relabel objects, named by number or chosen by a filter.

    A filter concerns open objects only. A number that has a verdict raises AlreadyDecidedError, unless
    ``replaces`` names the version of the state that the reviewer has seen: what others said later is
    not replaced either. ``verdict_id`` makes a verdict that is sent again the same one. Raises
    NothingConcernedError when nothing is left.
    """
    review_policy.require(actor, object_set.slide.project, "decide")
    _check_label(object_set, kind, label)
    state, decisions = _locked_state(object_set)
    if before := _sent_before(actor, object_set, verdict_id):
        return before
    objects = _choose(object_set, decisions, indices, wanted)
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


def count_concerned(*, actor: User, object_set: ObjectSet, wanted: Mapping[str, Any]) -> int:
    """Return how many open objects a filter chooses; writes nothing."""
    review_policy.require(actor, object_set.slide.project, "decide")
    return len(chosen_by_filter(object_set, wanted, decisions_now(object_set.pk)))


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
) -> tuple[Verdict, Annotation]:
    """Fix the shape of a suggestion: an annotation whose parent it is takes its place.

    ``replaces`` and ``verdict_id`` as with ``give_verdict``.
    """
    review_policy.require(actor, object_set.slide.project, "decide")
    state, decisions = _locked_state(object_set)
    before = _sent_before(actor, object_set, verdict_id)
    if before is not None and before.annotation is not None:
        return before, before.annotation
    objects = _choose(object_set, decisions, [index], None)
    _refuse_decided(actor, state, decisions, objects, replaces)
    parent = {"object_set_id": object_set.pk, "index": index}
    [annotation] = apply_changes(
        actor=actor,
        slide=object_set.slide,
        changes=[Change("create", annotation_id, None, {**values, "parent": parent})],
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
    """Take a verdict back, by another verdict. What was said before it stands again.

    ``undoing_id`` makes an undoing that is sent again the same one.
    """
    object_set = verdict.object_set
    role = review_policy.require(actor, object_set.slide.project, "decide")
    if verdict.reviewer_id != actor.pk and not reaches(role, Role.MANAGER):
        message = Sentence(
            "verdict_of_another", "Somebody else gave this verdict; a manager can take it back."
        )
        raise NotYourVerdictError(message)
    state, decisions = _locked_state(object_set)
    if before := _sent_before(actor, object_set, undoing_id):
        return before
    if verdict.kind == Verdict.Kind.UNDONE or Verdict.objects.filter(undoes=verdict).exists():
        message = Sentence("taken_back_already", "This verdict has been taken back already.")
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
    """Put a suggestion off for this reviewer; nobody else's queue changes."""
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
    """Take a skipped suggestion back into the reviewer's queue."""
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
    """Return the verdict of this id, which came before and whose answer was lost; None for a new one."""
    if verdict_id is None:
        return None
    found = Verdict.objects.select_related("reviewer", "annotation").filter(pk=verdict_id).first()
    if found is None:
        return None
    if (found.reviewer_id, found.object_set_id) != (actor.pk, object_set.pk):
        message = "Another verdict has this id."
        raise ConflictError(message, code="verdict_id_taken")
    nothing_written()
    return found


def _choose(
    object_set: ObjectSet,
    decisions: Decisions,
    indices: Sequence[int] | None,
    wanted: Mapping[str, Any] | None,
) -> BitMap:
    if indices is None:
        chosen = chosen_by_filter(object_set, wanted or {}, decisions)
    else:
        require_numbers(object_set, indices)
        chosen = BitMap(indices)
    if not chosen:
        message = Sentence(
            "nothing_open_concerned", "No open suggestion is concerned; choose others, or widen the filter."
        )
        raise NothingConcernedError(message)
    return chosen


def _refuse_decided(
    actor: User, state: ReviewState, decisions: Decisions, objects: BitMap, replaces: int | None
) -> None:
    """Raise AlreadyDecidedError, with who said what, for objects that this verdict would overwrite unseen."""
    decided = objects & decisions.decided
    if replaces is not None and decided:
        decided &= said_since(state.object_set_id, replaces, actor, decided)
    if decided:
        message = Sentence(
            "decided_already", "{count} of these suggestions have a verdict already.", count=len(decided)
        )
        shown = list(decided[:MOST_TOLD])
        told = standing_verdicts(state.object_set_id, shown)
        raise AlreadyDecidedError(message, indices=shown, decided=told, version=state.version)


def _check_label(object_set: ObjectSet, kind: str, label: Label | None) -> None:
    if kind != Verdict.Kind.RELABELLED:
        return
    if label is None or label.project_id != object_set.slide.project_id or label.retired_at:
        message = Sentence("name_a_label", "Name a label of this project that is in use.")
        raise ContentError(message, code="bad_label", field="label_id")


def _locked_state(object_set: ObjectSet) -> tuple[ReviewState, Decisions]:
    """Lock what has been said of a set; return its row and its content, which may be changed."""
    locked = ReviewState.objects.select_for_update().only("version")
    state = locked.filter(pk=object_set.pk).first()
    if state is None:
        ReviewState.objects.get_or_create(object_set=object_set)
        state = locked.get(pk=object_set.pk)
    return state, decisions_at(object_set.pk, state.version).copy()


def _concerning(objects: BitMap) -> dict[str, Any]:
    """Return the columns of a verdict that say which objects it concerns."""
    return {
        "objects_bitmap": objects.serialize(),
        "first_index": objects.min(),
        "last_index": objects.max(),
        "count": len(objects),
    }


def _write(state: ReviewState, decisions: Decisions, verdict: Verdict) -> Verdict:
    """Append the verdict, store what it made of the state, and put it on record."""
    state.version += 1
    verdict.sequence = state.version
    verdict.save(force_insert=True)
    state.save(update_fields=["version", *store(state, decisions)])
    transaction.on_commit(lambda: remember(state.pk, state.version, decisions))
    record(
        actor=verdict.reviewer,
        action=f"verdict.{verdict.kind}",
        subject=verdict,
        project=verdict.object_set.slide.project,
        details={"object_set": str(verdict.object_set_id), "count": verdict.count, "reason": verdict.reason},
    )
    tell_project(verdict.object_set.slide.project, "verdict", _news(verdict))
    return verdict


def _news(verdict: Verdict) -> dict[str, Any]:
    """Return what everybody who has the project open learns of a verdict."""
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
