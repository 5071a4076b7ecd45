"""Selection of a set's objects: by number, or by a filter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import numpy as np
from django.conf import settings
from numpy.typing import NDArray
from pyroaring import BitMap

from ml.messages import Message
from ml.objectset import Limits
from ml.objectset.filters import LIMITS
from server.annotations.geometry import area_of
from server.core.errors import ContentError, NotVisibleError
from server.core.inputs import JsonInput
from server.core.services import before_services
from server.objects.models import ObjectSet
from server.objects.selectors import open_object_set
from server.objects.storage import open_object_files
from server.review.decisions.bitmaps import bitmap_of

# What a filter chooses of a set never changes; a bitmap of 5 million objects has 0.6 MB at most.
REMEMBERED: Final = 64
_PART: Final = 2**20


@dataclass(frozen=True, slots=True)
class ObjectFilter(JsonInput):
    """Conditions on the objects of a set, which all must hold; without any, all objects match.

    Parameters
    ----------
    label
        Id of the label of the objects.
    without_labels
        Ids of the labels of objects to leave out; ignored with ``label``.
    min_score, max_score, min_uncertainty, max_uncertainty, min_area, max_area
        Limits, included; areas in square pixels.
    within
        GeoJSON area that holds the objects' points.

    """

    label: UUID | None = None
    without_labels: Sequence[UUID] = ()
    min_score: float | None = None
    max_score: float | None = None
    min_uncertainty: float | None = None
    max_uncertainty: float | None = None
    min_area: float | None = None
    max_area: float | None = None
    within: Mapping[str, Any] | None = None

    def limits(self) -> Limits:
        """Return the limits on numbers; raises ContentError for one that is not finite."""
        try:
            return Limits.from_mapping({name: getattr(self, name) for name in LIMITS})
        except ValueError as error:
            raise ContentError(Message("verbatim", text=error), code="bad_limit") from error


@before_services
def matched_by_filter(object_set: ObjectSet, object_filter: ObjectFilter) -> BitMap:
    """Return the objects that satisfy a filter, decided or not.

    A set never changes, so that this needs no lock. Raises BadGeometryError or BudgetSpentError.
    """
    files = open_object_set(object_set)
    chosen = matching(object_set, object_filter)
    if object_filter.within is not None:
        chosen &= bitmap_of(files.within(area_of(object_filter.within)))
    return chosen


def matching(object_set: ObjectSet, object_filter: ObjectFilter) -> BitMap:
    """Return the objects that satisfy the conditions on label and numbers, decided or not."""
    limits = object_filter.limits()
    ids = [str(label["label_id"]) for label in object_set.labels]
    labels = None
    if object_filter.label:
        labels = tuple(number for number, own in enumerate(ids) if own == str(object_filter.label))
    elif object_filter.without_labels:
        hidden = {str(label) for label in object_filter.without_labels}
        labels = tuple(number for number, own in enumerate(ids) if own not in hidden)
    if labels is None and not limits:
        return BitMap(range(object_set.count))
    return _matching(str(settings.STORAGE_ROOT), object_set.storage_key, labels, limits).copy()


def of_label(object_set: ObjectSet, label: int, limits: Limits) -> BitMap:
    """Return the objects of one label of a set's files within limits, read-only."""
    return _matching(str(settings.STORAGE_ROOT), object_set.storage_key, (label,), limits)


@lru_cache(maxsize=REMEMBERED)
def _matching(root: str, key: str, labels: tuple[int, ...] | None, limits: Limits) -> BitMap:
    columns = open_object_files(root, key).columns()
    matching = [np.zeros(0, dtype=np.int64)]
    for start in range(0, len(columns["label"]), _PART):
        part = {name: values[start : start + _PART] for name, values in columns.items()}
        mask = limits.mask(part)
        if labels is not None:
            own = np.isin(part["label"], labels)
            mask = own if mask is None else mask & own
        if mask is not None:
            matching.append(start + np.flatnonzero(mask))
    return bitmap_of(np.concatenate(matching))


def require_numbers(object_set: ObjectSet, numbers: Sequence[int]) -> NDArray[np.int64]:
    """Return numbers as an array; raises NotVisibleError when the set has no object of one of them.

    They are compared before they become an array, which holds 64 bits only.
    """
    if len(numbers) and (min(numbers) < 0 or max(numbers) >= object_set.count):
        message = Message(
            "objects_up_to",
            name=object_set.name,
            most=object_set.count - 1,
        )
        raise NotVisibleError(message)
    return np.array(list(numbers), dtype=np.int64)
