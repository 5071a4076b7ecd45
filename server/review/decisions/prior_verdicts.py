"""Exclusion of suggestions that were already decided in an older set.

An object is settled when it stands exactly where an object of an older, superseded run stands that
has a verdict: the same point and the same area.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from uuid import UUID

import numpy as np
from django.conf import settings
from numpy.typing import NDArray
from pyroaring import BitMap

from ml.objectset import ObjectSet as ObjectFiles
from server.objects.models import ObjectSet
from server.objects.storage import open_object_files
from server.review.decisions.bitmaps import bitmap_of, numbers_of
from server.review.decisions.cache import decisions_at
from server.review.decisions.selectors import superseded_decided_sets

_REMEMBERED = 64
# (set, version of its state, where its files are)
_Judged = tuple[UUID, int, str]


def settled_objects(sets: Sequence[ObjectSet]) -> list[BitMap]:
    """Return for each set its settled objects, with one query for all."""
    judged: dict[UUID, list[_Judged]] = {}
    for slide_id, set_id, version, key in superseded_decided_sets({item.slide_id for item in sets}):
        judged.setdefault(slide_id, []).append((set_id, version, key))
    root = str(settings.STORAGE_ROOT)
    return [_settled(root, item.storage_key, tuple(judged.get(item.slide_id, ()))) for item in sets]


@lru_cache(maxsize=_REMEMBERED)
def _settled(root: str, key: str, judged: tuple[_Judged, ...]) -> BitMap:
    settled = BitMap()
    for set_id, version, other in judged:
        files, theirs = open_object_files(root, key), open_object_files(root, other)
        decided = numbers_of(decisions_at(set_id, version).decided)
        settled |= bitmap_of(_same_place(files, _places(theirs, decided)))
    return settled


def _same_place(files: ObjectFiles, places: NDArray[np.void]) -> NDArray[np.int64]:
    """Return the objects at one of the places."""
    near = files.in_leaves_of(places["x"], places["y"])
    columns = files.columns()
    # Most objects already differ by their x, which is far cheaper to compare.
    near = near[np.isin(columns["x"][near], places["x"])]
    same: NDArray[np.int64] = near[np.isin(_places(files, near), places)]
    return same


def _places(files: ObjectFiles, numbers: NDArray[np.int64]) -> NDArray[np.void]:
    columns = files.columns()
    places = np.zeros(len(numbers), dtype=[("x", "<i4"), ("y", "<i4"), ("area", "<f4")])
    for name in ("x", "y", "area"):
        places[name] = columns[name][numbers]
    return places
