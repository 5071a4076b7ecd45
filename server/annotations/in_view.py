"""Annotations in a view: all of them, or the large ones and exact counts of the rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from uuid import UUID

import numpy as np
from django.db.models import Count, F, QuerySet
from django.db.models.functions import Greatest
from numpy.typing import NDArray

from server.annotations.models import Annotation
from server.annotations.selectors import annotations_of
from server.core.prepared import PreparedQuery

# A view of more annotations than this is answered with the large ones and counts of the small ones.
MOST_IN_VIEW: Final = 1500
# CSS pixels: what is smaller on the screen is counted, and the side of the cells that it is counted in.
SMALLEST_PX: Final = 8.0
CELL_PX: Final = 10.0

Box: TypeAlias = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class LabelCount:
    """Number of annotations with a label; the label None counts those without one."""

    label_id: UUID | None
    count: int


@dataclass(frozen=True, slots=True)
class Cells:
    """Exact counts: rows of column, row, place in ``labels``, count; ``size`` is a side in pixels."""

    size: float
    labels: tuple[UUID | None, ...]
    rows: list[list[int]]


@dataclass(frozen=True, slots=True)
class InView:
    """``annotations`` are those whose longer side is ``min_side`` or more; ``cells`` count all others.

    ``complete`` says that there are no others. ``count`` is the number in the view, ``total`` and
    ``per_label`` those of the slide, given only when the view is not complete.
    """

    count: int
    complete: bool
    min_side: float
    annotations: list[Annotation]
    cells: Cells | None
    total: int | None
    per_label: list[LabelCount]


def touching(rows: QuerySet[Annotation], box: Box) -> QuerySet[Annotation]:
    """Return the rows whose bounds intersect a box of min_x, min_y, max_x, max_y in level-0 pixels."""
    left, top, right, bottom = box
    return rows.filter(max_x__gte=left, min_x__lte=right, max_y__gte=top, min_y__lte=bottom)


_READ_AT_MOST: Final = MOST_IN_VIEW + 1
_first_in_view = PreparedQuery(
    lambda slide_id, *box: touching(annotations_of(slide_id), box).order_by("created_at", "id")[
        :_READ_AT_MOST
    ],
    UUID,
    *(float,) * 4,
)


def annotations_in_view(slide_id: UUID, box: Box, scale: float) -> InView:
    """Return the annotations of one slide in a view.

    ``scale`` is CSS pixels per level-0 pixel. The bounds are read through the index by view; shapes
    are read only for returned rows.
    """
    first = _first_in_view(slide_id, *box)
    if len(first) <= MOST_IN_VIEW:
        return InView(len(first), True, 0.0, first, None, None, [])
    rows = annotations_of(slide_id)
    near = touching(rows, box)
    bounds = list(near.order_by().values_list("label_id", "min_x", "min_y", "max_x", "max_y"))
    sides, middles = _measures([row[1:] for row in bounds])
    min_side = max(SMALLEST_PX / scale, _side_of_the_last(sides))
    small = sides < min_side
    cells = _count_cells(
        [row[0] for row, counted in zip(bounds, small, strict=True) if counted], middles[small], scale
    )
    large = near.annotate(side=Greatest(F("max_x") - F("min_x"), F("max_y") - F("min_y")))
    counts = rows.order_by().values("label_id").annotate(number=Count("pk"))
    per_label = [LabelCount(row["label_id"], row["number"]) for row in counts]
    return InView(
        count=len(bounds),
        complete=False,
        min_side=min_side,
        annotations=list(large.filter(side__gte=min_side).order_by("created_at", "id")),
        cells=cells,
        total=sum(row.count for row in per_label),
        per_label=per_label,
    )


def _measures(bounds: list[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the longer sides (n,) and the centres (n, 2) of boxes."""
    array = np.array(bounds, dtype=np.float64)
    sides = np.maximum(array[:, 2] - array[:, 0], array[:, 3] - array[:, 1])
    return sides, (array[:, :2] + array[:, 2:]) / 2


def _side_of_the_last(sides: NDArray[np.float64]) -> float:
    """Return the least side with no more than ``MOST_IN_VIEW`` annotations at or above it."""
    ordered = np.sort(sides)[::-1]
    last = float(ordered[MOST_IN_VIEW])
    return float(np.nextafter(last, np.inf))


def _count_cells(label_ids: list[UUID | None], middles: NDArray[np.float64], scale: float) -> Cells:
    """Count centres by cell and label; cells are powers of two of level-0 pixels, so that they nest."""
    size = float(2.0 ** np.ceil(np.log2(CELL_PX / scale)))
    labels = _in_order(label_ids)
    places = {label_id: place for place, label_id in enumerate(labels)}
    at = np.floor(np.maximum(middles, 0) / size).astype(np.int64)
    keys = np.column_stack([at, [places[label_id] for label_id in label_ids]])
    rows, counts = np.unique(keys, axis=0, return_counts=True)
    return Cells(size, labels, np.column_stack([rows, counts]).tolist())


def _in_order(label_ids: Iterable[UUID | None]) -> tuple[UUID | None, ...]:
    return tuple(sorted(set(label_ids), key=str))
