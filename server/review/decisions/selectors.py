"""Queries of stored decision states."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import F, QuerySet

from server.core.prepared import PreparedQuery
from server.objects.models import ObjectSet
from server.review.models import ReviewState
from server.slides.models import Slide

_version = PreparedQuery(lambda set_id: ReviewState.objects.only("version").filter(pk=set_id), UUID)


def _superseded_decided(**conditions: Any) -> QuerySet[ReviewState]:
    rows = ReviewState.objects.filter(
        **conditions, object_set__superseded_at__isnull=False, decided_count__gt=0
    ).order_by("pk")
    return rows.select_related("object_set").only(
        "version", "object_set__slide_id", "object_set__storage_key"
    )


_superseded_on_slide = PreparedQuery(lambda slide_id: _superseded_decided(object_set__slide=slide_id), UUID)


class DecidedSet(NamedTuple):
    """A set with decisions: its slide and id, the version of its decisions, the storage key of its files."""

    slide_id: UUID
    set_id: UUID
    version: int
    storage_key: str


def version_now(set_id: UUID) -> int:
    """Return the version of the decisions on a set's objects; 0 before the first verdict."""
    state = _version.first(set_id)
    return state.version if state else 0


def with_versions(sets: QuerySet[ObjectSet]) -> QuerySet[ObjectSet]:
    """Return the sets with the versions of the decisions on them, for ``versions_of``."""
    return sets.annotate(decisions_version=F("review_state__version"))


def versions_of(sets: Iterable[ObjectSet]) -> dict[UUID, int]:
    """Return the versions that ``with_versions`` read, without sets before their first verdict."""
    versions = {row.pk: getattr(row, "decisions_version") for row in sets}  # noqa: B009 - an annotation
    return {key: version for key, version in versions.items() if version is not None}


def find_state(set_id: UUID) -> ReviewState | None:
    """Return the state of a set; None before the first verdict."""
    return ReviewState.objects.filter(pk=set_id).first()


def decided_states_of(slide: Slide) -> QuerySet[ReviewState]:
    """Return the states of the ready sets of a slide that have decisions, the newest set first."""
    ready = ReviewState.objects.filter(object_set__slide=slide, object_set__state=ObjectSet.State.READY)
    decided = ready.filter(decided_count__gt=0).select_related("object_set")
    return decided.order_by("-object_set__created_at", "object_set_id")


def superseded_decided_sets(slide_ids: Collection[UUID]) -> list[DecidedSet]:
    """Return the superseded sets of slides that have decisions."""
    [*ids] = slide_ids
    rows = _superseded_on_slide(*ids) if len(ids) == 1 else _superseded_decided(object_set__slide__in=ids)
    return [
        DecidedSet(row.object_set.slide_id, row.pk, row.version, row.object_set.storage_key) for row in rows
    ]
