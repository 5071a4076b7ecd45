"""The queue of open suggestions of a project, over all slides, in one order.

Ties are broken by set and number, so the order is total and a place in it can be named: the cursor
is the key of the last suggestion seen, and stays good when suggestions before it are decided. Each
set keeps its objects in every order, so a page reads its own rows and the verdicts before it.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import numpy as np
from django.db.models import QuerySet
from numpy.typing import NDArray
from pyroaring import BitMap

from ml.messages import Message
from server.accounts.models import User
from server.core.prepared import PreparedQuery
from server.objects.models import ObjectSet
from server.objects.selectors import current_sets_of_project, open_object_set
from server.projects.models import Project
from server.review.decisions.bitmaps import bitmap_of, numbers_of
from server.review.decisions.cache import decisions_at
from server.review.decisions.fold import Decisions
from server.review.decisions.prior_verdicts import settled_objects
from server.review.decisions.selectors import versions_of, with_versions
from server.review.errors import BadCursorError
from server.review.object_selection import ObjectFilter, matching
from server.review.policies import review_policy
from server.review.selectors import Suggestion, skipped_objects, suggestions

NO_FILTER: Final = ObjectFilter()
# Place of an object without a score, which is a number from 0 to 1.
_BEHIND_ALL: Final = 2.0
ORDERS: Final = ("uncertainty", "score", "position")
# Up to this many open objects are sorted, where they are the smaller half; else the stored order is walked.
_FEW: Final = 20_000
_STEP: Final = 2048
_LONGEST_STEP: Final = 2**18

Key = tuple[float, int, int]


@dataclass(frozen=True, slots=True)
class QueuePage:
    """A page of suggestions in order, the total, and the cursor of the next page.

    ``versions`` says for each set on the page which state of it the page shows.
    """

    count: int
    items: list[Suggestion]
    after: str | None
    versions: dict[str, int]


def _sets_in_order(project_id: UUID) -> QuerySet[ObjectSet]:
    rows = with_versions(current_sets_of_project(project_id)).select_related("slide").defer("slide__tissue")
    return rows.order_by("slide__name", "created_at", "id")


_sets_of_project = PreparedQuery(_sets_in_order, UUID)
_sets_on_slide = PreparedQuery(
    lambda project_id, slide_id: _sets_in_order(project_id).filter(slide=slide_id), UUID, UUID
)


def review_queue(
    *,
    actor: User,
    project: Project,
    order: str = "uncertainty",
    slide_id: UUID | None = None,
    object_filter: ObjectFilter = NO_FILTER,
    include_skipped: bool = False,
    limit: int = 50,
    after: str | None = None,
) -> QueuePage:
    """Return the next open suggestions, of one slide or all, that match a filter.

    ``uncertainty``: the most doubtful first; ``score``: the least sure first, those without a score last;
    ``position``: slide by slide, near ones together.
    """
    review_policy.require(actor, project, "queue")
    sets = _sets_on_slide(project.pk, slide_id) if slide_id else _sets_of_project(project.pk)
    start = _read_cursor(after)
    keys: list[Key] = []
    count = 0
    skipped = {} if include_skipped else skipped_objects(actor, project)
    versions = versions_of(sets)
    for rank, (object_set, open_ones) in enumerate(_open_objects(sets, versions, object_filter, skipped)):
        count += len(open_ones)
        keys += _Line(object_set, order, rank).first(open_ones, start, limit + 1)
    keys.sort()
    page, rest = keys[:limit], keys[limit:]
    return QueuePage(
        count=count,
        items=_look_up(sets, page, versions),
        after=_write_cursor(page[-1]) if rest else None,
        versions={str(sets[rank].pk): versions.get(sets[rank].pk, 0) for rank in {key[1] for key in page}},
    )


def _open_objects(
    sets: Sequence[ObjectSet],
    versions: Mapping[UUID, int],
    object_filter: ObjectFilter,
    skipped: Mapping[Any, list[int]],
) -> Iterator[tuple[ObjectSet, BitMap]]:
    """Yield each set with its open objects."""
    for object_set, settled in zip(sets, settled_objects(sets), strict=True):
        open_ones = matching(object_set, object_filter) - settled
        if object_set.pk in versions:
            open_ones -= decisions_at(object_set.pk, versions[object_set.pk]).decided
        open_ones -= BitMap(skipped.get(object_set.pk, ()))
        yield object_set, open_ones


class _Line:
    """The objects of one set in one order."""

    def __init__(self, object_set: ObjectSet, order: str, rank: int) -> None:
        files = open_object_set(object_set)
        self._count, self._rank = object_set.count, rank
        self._values: NDArray[np.float32] | None = None
        self._sign = np.float32(-1 if order == "uncertainty" else 1)
        if order != "position":
            self._values = files.columns()[order]
            self._numbers = files.order(f"by_{order}")

    def first(self, open_ones: BitMap, start: Key | None, limit: int) -> list[Key]:
        """Return the keys of the first ``limit`` open objects after a place."""
        if self._values is None:
            return self._by_number(open_ones, start, limit)
        if len(open_ones) <= min(_FEW, self._count // 2):
            return self._sort(numbers_of(open_ones), start, limit)
        return self._walk(open_ones, start, limit)

    def _sort(self, numbers: NDArray[np.int64], start: Key | None, limit: int) -> list[Key]:
        values = np.nan_to_num(self._values[numbers] * self._sign, nan=_BEHIND_ALL)  # type: ignore[index]
        order = np.lexsort((numbers, values))

        def key(place: int) -> Key:
            return float(values[place]), self._rank, int(numbers[place])

        first = bisect_right(order, start, key=key) if start else 0
        return [key(place) for place in order[first : first + limit]]

    def _by_number(self, open_ones: BitMap, start: Key | None, limit: int) -> list[Key]:
        behind = open_ones
        if start is not None and start >= (0.0, self._rank, 0):
            last = start[2] if start[:2] == (0.0, self._rank) else self._count
            behind = open_ones - BitMap(range(last + 1))
        return [(0.0, self._rank, number) for number, _ in zip(behind, range(limit), strict=False)]

    def _walk(self, open_ones: BitMap, start: Key | None, limit: int) -> list[Key]:
        at = bisect_right(range(self._count), start, key=self._key) if start else 0
        step = _STEP
        keys: list[Key] = []
        while at < self._count and len(keys) < limit:
            numbers = self._numbers[at : at + step]
            is_open = np.isin(numbers, numbers_of(bitmap_of(numbers) & open_ones), assume_unique=True)
            places = at + np.flatnonzero(is_open)[: limit - len(keys)]
            keys += [self._key(int(place)) for place in places]
            at, step = at + step, min(4 * step, _LONGEST_STEP)
        return keys

    def _key(self, place: int) -> Key:
        number = int(self._numbers[place])
        value = float(self._values[number] * self._sign)  # type: ignore[index]
        return _BEHIND_ALL if math.isnan(value) else value, self._rank, number


def _look_up(sets: list[ObjectSet], page: list[Key], versions: Mapping[UUID, int]) -> list[Suggestion]:
    looked_up: dict[tuple[int, int], Suggestion] = {}
    for rank in {rank for _, rank, _ in page}:
        numbers = [index for _, other, index in page if other == rank]
        key = sets[rank].pk
        decisions = decisions_at(key, versions[key]) if key in versions else Decisions()
        for item in suggestions(sets[rank], numbers, decisions):
            looked_up[rank, item.index] = item
    return [looked_up[rank, index] for _, rank, index in page]


def _write_cursor(key: Key) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def _read_cursor(text: str | None) -> Key | None:
    if not text:
        return None
    try:
        value, rank, index = json.loads(base64.urlsafe_b64decode(text))
        return float(value), int(rank), int(index)
    except (binascii.Error, ValueError, TypeError, OverflowError) as error:
        message = Message("bad_cursor")
        raise BadCursorError(message) from error
