"""Count the judged objects of a set by label and block, from columns and bitmaps.

No polygon is read. Counts of a set are kept in memory with the bitmaps that they were made from, and follow a
new version by the objects that changed.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import numpy as np
from django.conf import settings
from numpy.typing import NDArray
from pyroaring import BitMap

from ml.objectset.reader import ObjectSet as ObjectFiles
from server.learning.snapshots.splits import block_name, block_side
from server.objects.models import ObjectSet
from server.objects.storage import open_object_files
from server.review.decisions.bitmaps import bitmap_of, numbers_of
from server.review.decisions.cache import decisions_at
from server.slides.models import Slide

MOST_SETS: Final = 256
# More blocks than a slide has along a side.
_BLOCKS: Final = 4096
# Numbers to count in; a slide has some hundred blocks for each label.
_MOST_PLACES: Final = 1 << 22
_REDRAWN: Final = "redrawn"
# A row of ``places_of``.
PLACE: Final = np.dtype([(name, "<i4") for name in ("left", "top", "right", "bottom")])

Kind = tuple[str, str | None]  # kind of verdict, new label
Cell = tuple[bool, str, int]  # is negative, label id, block


@dataclass(slots=True)
class JudgedObjects:
    """Objects of one label in one block: ``count`` of them, and their area in square pixels."""

    unit: str
    label: str
    is_negative: bool
    count: int
    area: float


@dataclass(slots=True)
class _SetCounts:
    """The counts of a set, and the bitmaps by kind of verdict that they count."""

    files: ObjectFiles
    labels: list[str]
    side: int
    counted: dict[Kind, BitMap] = field(default_factory=dict)
    cells: dict[Cell, list[float]] = field(default_factory=dict)
    # The same without blocks.
    totals: dict[Cell, list[float]] = field(default_factory=dict)

    def follow(self, decided: dict[Kind, BitMap]) -> None:
        """Add new decisions to the counts, and remove revoked ones."""
        for kind in {*self.counted, *decided}:
            old, new = self.counted.get(kind, BitMap()), decided.get(kind, BitMap())
            self._add(kind, new - old, 1)
            self._add(kind, old - new, -1)
        self.counted = decided

    def _add(self, kind: Kind, objects: BitMap, sign: int) -> None:
        if not objects:
            return
        numbers = numbers_of(objects)
        columns, step = self.files.columns(), self.files.manifest.scale * self.side
        rows, places = (
            (np.maximum(columns[name][numbers], 0) // step).astype(np.int64) for name in ("y", "x")
        )
        labels = columns["label"][numbers].astype(np.int64) if kind[1] is None else np.zeros_like(rows)
        for label, block, count, area in _sums(labels, rows, places, columns["area"][numbers]):
            group = kind[0] == "rejected", kind[1] or self.labels[label]
            for tally in (
                self.cells.setdefault((*group, block), [0, 0.0]),
                self.totals.setdefault((*group, 0), [0, 0.0]),
            ):
                tally[0] += sign * count
                tally[1] += sign * area


def _sums(
    labels: NDArray[np.int64], rows: NDArray[np.int64], places: NDArray[np.int64], areas: NDArray[Any]
) -> Iterator[tuple[int, int, int, float]]:
    """Yield label, block, number of objects and sum of areas for each label and block with objects.

    The blocks of a slide are few, so that counting needs no sorting; objects far outside it are sorted.
    """
    tall, wide = int(rows.max()) + 1, int(places.max()) + 1
    keys = (labels * tall + rows) * wide + places
    if int(keys.max()) > _MOST_PLACES:
        present, where = np.unique(keys, return_inverse=True)
        counts, sums = np.bincount(where), np.bincount(where, weights=areas)
    else:
        counts, sums = np.bincount(keys), np.bincount(keys, weights=areas)
        present = np.flatnonzero(counts)
        counts, sums = counts[present], sums[present]
    for key, count, area in zip(present.tolist(), counts.tolist(), sums.tolist(), strict=True):
        row, place = divmod(key % (tall * wide), wide)
        yield key // (tall * wide), row * _BLOCKS + place, count, area


_lock = threading.Lock()
_kept: OrderedDict[tuple[str, UUID], _SetCounts] = OrderedDict()


def count_judged(
    slide: Slide, sets: Sequence[tuple[ObjectSet, int]], *, by_block: bool
) -> Iterator[JudgedObjects]:
    """Yield the judged objects of a slide's sets, given with the versions of their states, newest set first.

    Those of a label are counted together (``unit`` is empty), or in each block. Where objects of several
    sets are in exactly the same place, the newest set that was judged there counts.
    """
    for (object_set, version), hidden in zip(sets, repeated_objects(sets), strict=True):
        decided = {
            (kind, label): objects - hidden
            for kind, label, objects in decisions_at(object_set.pk, version).each()
            if kind != _REDRAWN
        }
        with _lock:
            counts = _counts_of(slide, object_set)
            counts.follow(decided)
            chosen = counts.cells if by_block else counts.totals
            cells = {cell: tuple(numbers) for cell, numbers in chosen.items()}
        for (is_negative, label, block), (count, area) in cells.items():
            if count:
                unit = block_name(slide.sha256, *divmod(block, _BLOCKS)) if by_block else ""
                yield JudgedObjects(unit, label, is_negative, int(count), float(area))


def forget() -> None:
    """Drop the counts in memory."""
    with _lock:
        _kept.clear()
    _repeated.cache_clear()


def repeated_objects(sets: Sequence[tuple[ObjectSet, int]]) -> list[BitMap]:
    """Return for each set of a slide the judged objects that a judged object of a newer set repeats."""
    names = tuple((item.pk, version, item.storage_key) for item, version in sets)
    return _repeated(str(settings.STORAGE_ROOT), names)


def places_of(files: ObjectFiles, numbers: NDArray[np.int64]) -> NDArray[np.void]:
    """Return the bounds of objects in whole pixels; the point for very long ones."""
    columns, scale = files.columns(), files.manifest.scale
    bounds = np.zeros(len(numbers), dtype=PLACE)
    for name in PLACE.names or ():
        point = columns["x" if name in {"left", "right"} else "y"][numbers]
        bounds[name] = np.round((point + columns[name][numbers]) / scale)
    return bounds


def _counts_of(slide: Slide, object_set: ObjectSet) -> _SetCounts:
    root = str(settings.STORAGE_ROOT)
    key = root, object_set.pk
    counts = _kept.get(key)
    if counts is None:
        labels = [str(label["label_id"]) for label in object_set.labels]
        side = block_side(slide.width, slide.height)
        counts = _kept[key] = _SetCounts(open_object_files(root, object_set.storage_key), labels, side)
        if len(_kept) > MOST_SETS:
            _kept.popitem(last=False)
    _kept.move_to_end(key)
    return counts


@lru_cache(maxsize=MOST_SETS)
def _repeated(root: str, sets: tuple[tuple[UUID, int, str], ...]) -> list[BitMap]:
    if len(sets) == 1:
        return [BitMap()]
    repeated, seen = [], np.zeros(0, dtype=PLACE)
    for set_id, version, key in sets:
        files = open_object_files(root, key)
        numbers = numbers_of(decisions_at(set_id, version).decided)
        places = places_of(files, numbers)
        repeated.append(bitmap_of(numbers[np.isin(places, seen)]))
        seen = np.concatenate([seen, places])
    return repeated
