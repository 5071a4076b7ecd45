"""What a reviewer may read: verdicts, and suggestions with what was said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from pyroaring import BitMap
from shapely.geometry import mapping

from server.accounts.models import User
from server.core.errors import NotVisibleError
from server.objects.errors import NoObjectError
from server.objects.models import ObjectSet
from server.objects.selectors import object_sets_visible_to, open_object_set
from server.projects.models import Project
from server.review.bitmaps import read_bitmap
from server.review.choosing import require_numbers
from server.review.fold import Decisions
from server.review.models import ReviewState, Verdict
from server.review.remembered import decisions_at, decisions_now


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One object of a set with its state."""

    object_set: ObjectSet
    index: int
    label_id: str | None
    score: float
    uncertainty: float
    x: float
    y: float
    bounds: dict[str, float]
    geometry: dict[str, Any]
    state: str
    current_label_id: str | None
    reason: str = ""


def verdicts_visible_to(actor: User) -> QuerySet[Verdict]:
    """Return the verdicts on the sets that the actor sees, in order."""
    return (
        Verdict.objects.filter(object_set__in=object_sets_visible_to(actor).order_by().values("pk"))
        .select_related("reviewer", "object_set__slide__project", "annotation")
        .defer("objects_bitmap")
        .order_by("sequence")
    )


def get_verdict_for(actor: User, verdict_id: UUID) -> Verdict:
    """Return one verdict; raises NotVisibleError."""
    found = verdicts_visible_to(actor).filter(pk=verdict_id).first()
    if found is None:
        raise NotVisibleError
    return found


def decisions_of(object_set: ObjectSet) -> Decisions:
    """Return what has been said of the objects of a set."""
    return decisions_now(object_set.pk)


def counts_of(object_set: ObjectSet) -> dict[str, int]:
    """Return the version of what was said of a set, and how many objects are in each state."""
    version = ReviewState.objects.filter(pk=object_set.pk).values_list("version", flat=True).first() or 0
    counts = dict.fromkeys(("accepted", "rejected", "redrawn", "relabelled"), 0)
    for kind, _, objects in decisions_at(object_set.pk, version).each() if version else ():
        counts[kind] += len(objects)
    return {"version": version, "open": object_set.count - sum(counts.values()), **counts}


def suggestions(object_set: ObjectSet, indices: Sequence[int]) -> list[Suggestion]:
    """Return objects by number, in the order asked for; raises NotVisibleError for an unknown one."""
    numbers = require_numbers(object_set, indices)
    if not len(numbers):
        return []
    files = open_object_set(object_set)
    columns = files.columns()
    decisions = decisions_of(object_set)
    reasons = _reasons(object_set, [n for n in numbers.tolist() if n in decisions.rejected])
    shapes = files.geometries(numbers)
    found = []
    for index, shape, point in zip(numbers.tolist(), shapes, files.points(numbers), strict=True):
        label = object_set.labels[int(columns["label"][index])]["label_id"]
        state, new_label = decisions.kind_of(index)
        left, top, right, bottom = shape.bounds
        found.append(
            Suggestion(
                object_set=object_set,
                index=index,
                label_id=label,
                score=float(columns["score"][index]),
                uncertainty=float(columns["uncertainty"][index]),
                x=float(point[0]),
                y=float(point[1]),
                bounds={"x": left, "y": top, "width": right - left, "height": bottom - top},
                geometry=mapping(shape),
                state=state,
                current_label_id=new_label or label,
                reason=reasons.get(index, ""),
            )
        )
    return found


def suggestion_at(object_set: ObjectSet, x: float, y: float) -> Suggestion:
    """Return the smallest object that covers a point, or the point nearest to it; raises NoObjectError."""
    index = open_object_set(object_set).at(x, y)
    if index is None:
        message = "There is no suggestion here."
        raise NoObjectError(message)
    return suggestions(object_set, [int(index)])[0]


def history_of(actor: User, object_set: ObjectSet, index: int) -> list[Verdict]:
    """Return the verdicts that concern one object, undone ones and undoings too, by one query."""
    require_numbers(object_set, [index])
    rows = verdicts_visible_to(actor).filter(
        object_set=object_set, first_index__lte=index, last_index__gte=index
    )
    return [row for row in rows.defer(None) if index in read_bitmap(row.objects_bitmap)]


def verdicts_of_project(actor: User, project: Project, **narrowed: Any) -> QuerySet[Verdict]:
    """Return the verdicts of a project, the newest first: of a ``slide``, of a ``reviewer``, or all."""
    names = {"slide": "object_set__slide", "reviewer": "reviewer"}
    rows = verdicts_visible_to(actor).filter(object_set__slide__project=project)
    wanted = {names[name]: value for name, value in narrowed.items() if value is not None}
    return rows.filter(**wanted).order_by("-created_at", "-sequence")


def verdicts_between(object_set: ObjectSet, seen: int, own: Verdict, most: int) -> list[Verdict]:
    """Return what others said of a set after version ``seen`` and before a verdict, the newest first."""
    rows = Verdict.objects.filter(object_set=object_set, sequence__gt=seen, sequence__lt=own.sequence)
    others = rows.exclude(reviewer=own.reviewer).select_related("reviewer").defer("objects_bitmap")
    return list(others.order_by("-sequence")[:most])


def said_since(set_id: UUID, seen: int, actor: User, objects: BitMap) -> BitMap:
    """Return those objects of which somebody else had the last word after version ``seen``."""
    rows = _standing(set_id).filter(
        sequence__gt=seen, first_index__lte=objects.max(), last_index__gte=objects.min()
    )
    theirs = BitMap()
    for reviewer_id, content in rows.values_list("reviewer_id", "objects_bitmap"):
        concerned = read_bitmap(content) & objects
        theirs = theirs - concerned if reviewer_id == actor.pk else theirs | concerned
    return theirs


def standing_verdicts(set_id: UUID, indices: Sequence[int]) -> list[dict[str, Any]]:
    """Return for each of these decided objects who said what of it last, as plain values."""
    told: dict[int, dict[str, Any]] = {}
    for row in _concerning(set_id, indices).select_related("reviewer"):
        objects = read_bitmap(row.objects_bitmap)
        for index in indices:
            if index in objects:
                told[index] = {
                    "object_set_id": str(set_id),
                    "index": index,
                    "verdict_id": str(row.pk),
                    "kind": row.kind,
                    "label_id": str(row.label_id) if row.label_id else None,
                    "reason": row.reason,
                    "reviewer": row.reviewer.display_name or row.reviewer.username,
                    "at": row.created_at.isoformat(),
                }
    return [told[index] for index in indices if index in told]


def _standing(set_id: UUID) -> QuerySet[Verdict]:
    """Return the verdicts on a set that nobody has taken back, in order."""
    rows = Verdict.objects.filter(object_set_id=set_id, undone_by__isnull=True)
    return rows.exclude(kind=Verdict.Kind.UNDONE).order_by("sequence")


def _concerning(set_id: UUID, indices: Sequence[int]) -> QuerySet[Verdict]:
    """Return in order the verdicts that stand and may concern one of a few objects."""
    if not indices:
        return Verdict.objects.none()
    any_of = Q()
    for index in indices:
        any_of |= Q(first_index__lte=index, last_index__gte=index)
    return _standing(set_id).filter(any_of)


def _reasons(object_set: ObjectSet, rejected: Sequence[int]) -> dict[int, str]:
    """Return why each of these objects was rejected, by the last verdict that stands."""
    found: dict[int, str] = {}
    for row in _concerning(object_set.pk, rejected).filter(kind=Verdict.Kind.REJECTED):
        objects = read_bitmap(row.objects_bitmap)
        found.update({index: row.reason for index in rejected if index in objects})
    return found
