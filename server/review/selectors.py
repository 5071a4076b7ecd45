"""Queries of verdicts, and of suggestions with their decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
import shapely
from django.db.models import Q, QuerySet
from pyroaring import BitMap

from ml.messages import Message
from ml.objectset.geojson import known_score
from server.accounts.models import User
from server.accounts.selectors import hidden_fields
from server.core.errors import NotVisibleError
from server.core.prepared import BoundList, PreparedList, PreparedQuery
from server.objects.errors import NoObjectError
from server.objects.models import ObjectSet
from server.objects.selectors import open_object_set
from server.projects.models import Project
from server.projects.selectors import projects_visible_to
from server.review.decisions.bitmaps import read_bitmap
from server.review.decisions.cache import decisions_at, decisions_now
from server.review.decisions.fold import Decisions
from server.review.decisions.selectors import version_now
from server.review.models import Skip, Verdict
from server.review.object_selection import require_numbers
from server.slides.models import Slide


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One object of a set with its state."""

    object_set: ObjectSet
    index: int
    label_id: str | None
    score: float | None
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
    verdicts = Verdict.objects.filter(object_set__slide__project__in=projects_visible_to(actor))
    return verdicts.select_related("reviewer").defer("objects_bitmap").order_by("sequence")


def get_verdict_for(actor: User, verdict_id: UUID) -> Verdict:
    """Return one verdict; raises NotVisibleError."""
    rows = verdicts_visible_to(actor).filter(pk=verdict_id)
    for verdict in rows.select_related("reviewer", "object_set__slide__project", "annotation").defer(None):
        return verdict
    raise NotVisibleError


def decisions_of(object_set: ObjectSet) -> Decisions:
    """Return the decisions on the objects of a set."""
    return decisions_now(object_set.pk)


def counts_of(object_set: ObjectSet) -> dict[str, int]:
    """Return the version of the decisions on a set, and the number of objects in each state."""
    version = version_now(object_set.pk)
    counts = dict.fromkeys(("accepted", "rejected", "redrawn", "relabelled"), 0)
    for kind, _, objects in decisions_at(object_set.pk, version).each() if version else ():
        counts[kind] += len(objects)
    return {"version": version, "open": object_set.count - sum(counts.values()), **counts}


def suggestions(
    object_set: ObjectSet, indices: Sequence[int], decisions: Decisions | None = None
) -> list[Suggestion]:
    """Return objects by number, in the given order; raises NotVisibleError for an unknown one.

    ``decisions`` are those on the set, by default as they are now.
    """
    numbers = require_numbers(object_set, indices)
    if not len(numbers):
        return []
    files = open_object_set(object_set)
    columns = files.columns()
    if decisions is None:
        decisions = decisions_of(object_set)
    reasons = _reasons(object_set, [n for n in numbers.tolist() if n in decisions.rejected])
    shapes = files.geometries(numbers)
    boxes = shapely.bounds(shapes).tolist()
    geometries = [msgspec.json.decode(text) for text in shapely.to_geojson(shapes)]
    items = []
    rows = zip(numbers.tolist(), files.points(numbers).tolist(), boxes, geometries, strict=True)
    for index, (x, y), (left, top, right, bottom), geometry in rows:
        label = object_set.labels[int(columns["label"][index])]["label_id"]
        state, new_label = decisions.kind_of(index)
        items.append(
            Suggestion(
                object_set=object_set,
                index=index,
                label_id=label,
                score=known_score(columns["score"][index]),
                uncertainty=float(columns["uncertainty"][index]),
                x=x,
                y=y,
                bounds={"x": left, "y": top, "width": right - left, "height": bottom - top},
                geometry=geometry,
                state=state,
                current_label_id=new_label or label,
                reason=reasons.get(index, ""),
            )
        )
    return items


def suggestion_at(object_set: ObjectSet, x: float, y: float) -> Suggestion:
    """Return the smallest object that covers a point, or the point nearest to it; raises NoObjectError."""
    index = open_object_set(object_set).at(x, y)
    if index is None:
        message = Message("no_suggestion_here")
        raise NoObjectError(message)
    return suggestions(object_set, [int(index)])[0]


def history_of(actor: User, object_set: ObjectSet, index: int) -> list[Verdict]:
    """Return the verdicts on one object, undone ones and undoings too, by one query."""
    require_numbers(object_set, [index])
    rows = verdicts_visible_to(actor).filter(
        object_set=object_set, first_index__lte=index, last_index__gte=index
    )
    return [row for row in rows.defer(None) if index in read_bitmap(row.objects_bitmap)]


def _newest(**conditions: Any) -> QuerySet[Verdict]:
    rows = Verdict.objects.filter(**conditions).select_related("reviewer")
    return rows.defer("objects_bitmap", *hidden_fields("reviewer")).order_by("-created_at", "-sequence")


_of_project = PreparedList(lambda key: _newest(object_set__slide__project=key), UUID)
_of_project_by = PreparedList(
    lambda key, reviewer: _newest(object_set__slide__project=key, reviewer=reviewer), UUID, UUID
)
_on_slide = PreparedList(lambda key: _newest(object_set__slide=key), UUID)
_on_slide_by = PreparedList(
    lambda key, reviewer: _newest(object_set__slide=key, reviewer=reviewer), UUID, UUID
)


def newest_verdicts_of_project(project: Project, reviewer: UUID | None) -> BoundList[Verdict]:
    """Return the verdicts of a project, of one reviewer or all, the newest first.

    The caller has checked who may see the project.
    """
    return _of_project_by.bind(project.pk, reviewer) if reviewer else _of_project.bind(project.pk)


def newest_verdicts_on_slide(slide: Slide, reviewer: UUID | None) -> BoundList[Verdict]:
    """Return the verdicts on a slide, of one reviewer or all, the newest first.

    The caller has checked who may see the slide.
    """
    return _on_slide_by.bind(slide.pk, reviewer) if reviewer else _on_slide.bind(slide.pk)


def verdicts_between(object_set: ObjectSet, seen: int, own: Verdict, most: int) -> list[Verdict]:
    """Return others' verdicts on a set after version ``seen`` and before a verdict, the newest first."""
    if own.sequence - seen <= 1:
        return []
    rows = Verdict.objects.filter(object_set=object_set, sequence__gt=seen, sequence__lt=own.sequence)
    others = rows.exclude(reviewer=own.reviewer).select_related("reviewer").defer("objects_bitmap")
    return list(others.order_by("-sequence")[:most])


def said_since(set_id: UUID, seen: int, actor: User, objects: BitMap) -> BitMap:
    """Return those objects whose last verdict is from another user and newer than version ``seen``."""
    rows = _standing(set_id).filter(
        sequence__gt=seen, first_index__lte=objects.max(), last_index__gte=objects.min()
    )
    theirs = BitMap()
    for reviewer_id, content in rows.values_list("reviewer_id", "objects_bitmap"):
        concerned = read_bitmap(content) & objects
        theirs = theirs - concerned if reviewer_id == actor.pk else theirs | concerned
    return theirs


def standing_verdicts(set_id: UUID, indices: Sequence[int]) -> list[dict[str, Any]]:
    """Return author and kind of the last verdict on each of these objects, as plain values."""
    by_index: dict[int, dict[str, Any]] = {}
    for row in _concerning(set_id, indices).select_related("reviewer"):
        objects = read_bitmap(row.objects_bitmap)
        for index in indices:
            if index in objects:
                by_index[index] = {
                    "object_set_id": str(set_id),
                    "index": index,
                    "verdict_id": str(row.pk),
                    "kind": row.kind,
                    "label_id": str(row.label_id) if row.label_id else None,
                    "reason": row.reason,
                    "reviewer": row.reviewer.display_name or row.reviewer.username,
                    "at": row.created_at.isoformat(),
                }
    return [by_index[index] for index in indices if index in by_index]


def _standing(set_id: UUID) -> QuerySet[Verdict]:
    """Return the verdicts on a set that were not undone, in order."""
    rows = Verdict.objects.filter(object_set_id=set_id, undone_by__isnull=True)
    return rows.exclude(kind=Verdict.Kind.UNDONE).order_by("sequence")


def _concerning(set_id: UUID, indices: Sequence[int]) -> QuerySet[Verdict]:
    """Return in order the verdicts in force that may concern one of a few objects."""
    if not indices:
        return Verdict.objects.none()
    any_of = Q()
    for index in indices:
        any_of |= Q(first_index__lte=index, last_index__gte=index)
    return _standing(set_id).filter(any_of)


def _reasons(object_set: ObjectSet, rejected: Sequence[int]) -> dict[int, str]:
    """Return the reason for the rejection of each of these objects, by the last verdict in force."""
    reasons: dict[int, str] = {}
    for row in _concerning(object_set.pk, rejected).filter(kind=Verdict.Kind.REJECTED):
        objects = read_bitmap(row.objects_bitmap)
        reasons.update({index: row.reason for index in rejected if index in objects})
    return reasons


_skips_in_project = PreparedQuery(
    lambda project_id, reviewer: Skip.objects.filter(
        object_set__slide__project=project_id,
        object_set__superseded_at__isnull=True,
        reviewer=reviewer,
    ),
    UUID,
    UUID,
)


def skipped_objects(actor: User, project: Project) -> dict[UUID, list[int]]:
    """Return the numbers of the objects in current sets of a project that the actor skipped, by set."""
    skipped: dict[UUID, list[int]] = {}
    for skip in _skips_in_project(project.pk, actor.pk):
        skipped.setdefault(skip.object_set_id, []).append(skip.object_index)
    return skipped
