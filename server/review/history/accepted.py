"""Counts and outlines of the accepted suggestions of a slide, over all of its object sets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from ml.objectset.reader import ObjectSet as ObjectFiles
from server.objects.models import ObjectSet
from server.objects.selectors import open_object_set
from server.review.decisions.bitmaps import numbers_of
from server.review.decisions.cache import decisions_at
from server.review.decisions.selectors import decided_states_of
from server.slides.models import Slide

MOST_OUTLINES: Final = 2000


@dataclass(frozen=True, slots=True)
class AcceptedLabel:
    """Number of accepted suggestions with a label."""

    label_id: str
    count: int


@dataclass(frozen=True, slots=True)
class AcceptedOutline:
    """One accepted suggestion: its GeoJSON geometry in level-0 pixels and its current label."""

    label_id: str | None
    geometry: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AcceptedOutlines:
    """Outlines to draw; ``count`` is larger than their number where more are accepted."""

    count: int
    outlines: list[AcceptedOutline]


def accepted_per_label(slide: Slide) -> list[AcceptedLabel]:
    """Return the number of accepted and relabelled suggestions of a slide by current label.

    All ready sets count, as in training: an object at the same place and of the same area in an older
    set counts once, with the decision on the newest. Redrawn suggestions are annotations and count as such.

    Parameters
    ----------
    slide : Slide
        A slide that the caller may see.

    Returns
    -------
    list of AcceptedLabel
        Labels with at least one accepted suggestion, ordered by id.

    """
    totals: Counter[str] = Counter()
    for group in _accepted_groups(slide):
        for label_id, count in group.label_counts().items():
            totals[label_id] += count
    return [AcceptedLabel(label_id, totals[label_id]) for label_id in sorted(totals)]


def accepted_outlines(
    slide: Slide, *, beside: UUID | None = None, area: BaseGeometry | None = None
) -> AcceptedOutlines:
    """Return the outlines of accepted suggestions that the viewer does not draw from a set's own tiles.

    They are the same objects that :func:`accepted_per_label` counts.

    Parameters
    ----------
    slide : Slide
        A slide that the caller may see.
    beside : UUID, optional
        The set that the viewer draws; its objects are left out.
    area : BaseGeometry, optional
        In level-0 pixels; only objects whose point is inside.

    Returns
    -------
    AcceptedOutlines
        At most ``MOST_OUTLINES`` outlines, and the number of all.

    """
    count = 0
    outlines: list[AcceptedOutline] = []
    for group in _accepted_groups(slide):
        if group.object_set.pk == beside:
            continue
        numbers = group.numbers
        if area is not None and len(numbers):
            x, y = group.files.points(numbers).T
            numbers = numbers[shapely.contains_xy(area, x, y)]
        count += len(numbers)
        drawn = numbers[: MOST_OUTLINES - len(outlines)]
        shapes: Iterable[BaseGeometry] = group.files.geometries(drawn) if len(drawn) else ()
        outlines.extend(
            AcceptedOutline(label_id, mapping(shape))
            for label_id, shape in zip(group.label_ids(drawn), shapes, strict=True)
        )
    return AcceptedOutlines(count, outlines)


def _accepted_groups(slide: Slide) -> Iterator[_AcceptedGroup]:
    """Yield the accepted objects of each ready set, the newest set first, without repeated places."""
    newer_places = _no_places()
    for state in decided_states_of(slide):
        files = open_object_set(state.object_set)
        places = newer_places
        for kind, new_label, objects in decisions_at(state.object_set_id, state.version).each():
            numbers = numbers_of(objects)
            here = _places(files, numbers)
            places = np.concatenate([places, here])
            if kind in ("accepted", "relabelled"):
                counted = numbers[~np.isin(here, newer_places)]
                yield _AcceptedGroup(state.object_set, files, counted, new_label)
        newer_places = places


@dataclass(frozen=True, slots=True)
class _AcceptedGroup:
    """Accepted objects of one set; ``new_label`` is that of a verdict."""

    object_set: ObjectSet
    files: ObjectFiles
    numbers: NDArray[np.int64]
    new_label: str | None

    def label_ids(self, numbers: NDArray[np.int64]) -> list[str | None]:
        """Return the current label of each object."""
        if self.new_label is not None:
            return [self.new_label] * len(numbers)
        own = self._own_labels()
        return [own[int(place)] for place in self.files.columns()["label"][numbers]]

    def label_counts(self) -> dict[str, int]:
        """Return the number of objects by current label; those without one are left out."""
        if self.new_label is not None:
            return {self.new_label: len(self.numbers)} if len(self.numbers) else {}
        own = self._own_labels()
        places, counts = np.unique(
            np.asarray(self.files.columns()["label"][self.numbers]), return_counts=True
        )
        named = ((own[int(place)], int(count)) for place, count in zip(places, counts, strict=True))
        return {label_id: count for label_id, count in named if label_id is not None}

    def _own_labels(self) -> list[str | None]:
        return [str(label["label_id"]) if label["label_id"] else None for label in self.object_set.labels]


def _places(files: ObjectFiles, numbers: NDArray[np.int64]) -> NDArray[np.void]:
    columns = files.columns()
    places = _no_places(len(numbers))
    for name in ("x", "y", "area"):
        places[name] = columns[name][numbers]
    return places


def _no_places(count: int = 0) -> NDArray[np.void]:
    return np.zeros(count, dtype=[("x", "<i4"), ("y", "<i4"), ("area", "<f4")])
