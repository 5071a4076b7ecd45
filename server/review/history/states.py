"""Decisions by tile: the changing part of a set's picture. See objects/README.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyroaring import BitMap

from ml.messages import Message
from ml.objectset import Limits
from ml.objectset.reader import ObjectSet as ObjectFiles
from ml.objectset.reader import Tile
from ml.objectset.tiles import cell_places, stream
from server.objects.errors import NoObjectError
from server.objects.models import ObjectSet
from server.objects.selectors import open_object_set
from server.review.decisions.bitmaps import bitmap_of, numbers_of
from server.review.decisions.cache import decisions_at
from server.review.decisions.fold import Decisions
from server.review.object_selection import of_label

STATES: Final = {"accepted": 1, "rejected": 2, "relabelled": 3, "redrawn": 4}
_NONE: Final = -1


def states_of_tile(object_set: ObjectSet, version: int, place: tuple[int, int, int], limits: Limits) -> bytes:
    """Return an Arrow stream of the decided objects of a tile, or of their counts by cell.

    Raises NoObjectError outside the pyramid.
    """
    files = open_object_set(object_set)
    try:
        tile = files.place(*place)
    except IndexError as error:
        raise NoObjectError(Message("verbatim", text=error)) from error
    decisions = decisions_at(object_set.pk, version) if version else Decisions()
    label_ids = list(decisions.relabelled)
    metadata = {
        "kind": "cells" if tile.cells else "shapes",
        "version": version,
        "label_ids": json.dumps(label_ids),
    }
    if tile.cells:
        labels = range(max(1, len(files.manifest.labels)))
        batch = _cells(files, tile, decisions, [of_label(object_set, label, limits) for label in labels])
    else:
        # The rows of a tile of shapes are filtered where they are drawn.
        batch = _shapes(files, tile, decisions)
    return stream(batch, metadata, files.manifest.scale)


def _shapes(files: ObjectFiles, tile: Tile, decisions: Decisions) -> pa.RecordBatch:
    """Return index, state and new label of the decided objects among a tile's rows."""
    shown = BitMap(range(tile.start, tile.end)) | bitmap_of(files.guests(tile))
    groups = [(numbers_of(objects & shown), state, new) for state, new, objects in _each(decisions)]
    return pa.record_batch(
        {
            "index": _joined([numbers for numbers, _, _ in groups], np.uint32),
            "state": _joined([np.full(len(numbers), state) for numbers, state, _ in groups], np.uint8),
            "new_label": _joined([np.full(len(numbers), new) for numbers, _, new in groups], np.int16),
        }
    )


def _cells(files: ObjectFiles, tile: Tile, decisions: Decisions, chosen: Sequence[BitMap]) -> pa.RecordBatch:
    """Return the number of objects in each state by cell and label.

    ``chosen`` holds for each label its objects that satisfy the limits. No object is looked at: those
    of a cell lie side by side, so where each cell begins among the numbers of a bitmap tells how many.
    """
    inside = BitMap(range(tile.start, tile.end))
    cells, starts = files.cell_starts(tile)
    rows: dict[str, list[NDArray[Any]]] = {"cell": [], "label": [], "state": [], "new_label": [], "count": []}
    for state, new, objects in _each(decisions):
        decided = objects & inside
        for label, own in enumerate(chosen if decided else ()):
            counted = np.diff(np.searchsorted(numbers_of(decided & own), starts))
            present = np.flatnonzero(counted)
            columns = (np.full(len(present), value) for value in (label, state, new))
            for name, values in zip(rows, (cells[present], *columns, counted[present]), strict=True):
                rows[name].append(values)
    places = cell_places(_joined(rows["cell"], np.int64), tile.square, files.manifest.scale)
    return pa.record_batch(
        {
            **dict(zip(("x", "y", "size"), places, strict=True)),
            "label": _joined(rows["label"], np.uint16),
            "state": _joined(rows["state"], np.uint8),
            "new_label": _joined(rows["new_label"], np.int16),
            "count": _joined(rows["count"], np.uint32),
        }
    )


def _each(decisions: Decisions) -> list[tuple[int, int, BitMap]]:
    """Return (state, index of the new label or -1, objects)."""
    places = {label_id: number for number, label_id in enumerate(decisions.relabelled)}
    return [
        (STATES[kind], places[label_id] if label_id else _NONE, objects)
        for kind, label_id, objects in decisions.each()
    ]


def _joined(parts: list[NDArray[Any]], kind: Any) -> NDArray[Any]:
    return np.concatenate([np.zeros(0, dtype=kind), *(part.astype(kind) for part in parts)])
