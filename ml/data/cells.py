"""Labelled cells of pixels with their features, from marks of every kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ml.contracts import LabelledSlide
from ml.data.regions import UNKNOWN

# Of a cell, at least this share must be known, and of that this share of one class.
KNOWN = 0.25
CLEAR = 0.75


@dataclass(frozen=True, slots=True)
class Cells:
    """Features ``rows`` float32 (n, d) of cells, their class int16 (n,) and the unit of each (n,).

    Classes: 0 background, 1.. labels.
    """

    rows: NDArray[np.float32]
    classes: NDArray[np.int16]
    units: NDArray[np.str_]


def class_of_cells(classes: NDArray[np.uint8], cell: int, labels: int) -> NDArray[np.int16]:
    """Return the clear majority class (rows, columns) of cells of ``classes`` (h, w); -1 for none."""
    height, width = classes.shape
    pad = [(0, -side % cell) for side in (height, width)]
    padded = np.pad(classes, pad, constant_values=UNKNOWN)
    blocks = padded.reshape(padded.shape[0] // cell, cell, padded.shape[1] // cell, cell)
    counts = np.stack([(blocks == value).sum(axis=(1, 3)) for value in range(labels + 1)])
    known, most = counts.sum(axis=0), counts.max(axis=0)
    clear = (known >= KNOWN * cell * cell) & (most >= CLEAR * known)
    return np.where(clear, counts.argmax(axis=0), -1).astype(np.int16)


def with_thin_marks(slide: LabelledSlide, radius: float) -> LabelledSlide:
    """Return the slide with points and lines as areas of ``radius`` level-0 pixels around them."""
    shapes = tuple(
        shape if shape.geometry.area > 0 else replace(shape, geometry=shape.geometry.buffer(radius))
        for shape in slide.shapes
    )
    return replace(slide, shapes=shapes)


def join_cells(tables: Sequence[Cells]) -> Cells:
    """Return all cells as one table."""
    return Cells(
        np.concatenate([table.rows for table in tables]),
        np.concatenate([table.classes for table in tables]),
        np.concatenate([table.units for table in tables]),
    )


def draw_cells(tables: Sequence[Cells], most: int, seed: int) -> Cells:
    """Return all cells as one table, of each class ``most`` at most, drawn at random."""
    joined = join_cells(tables)
    random = np.random.default_rng(seed)
    kept = [
        random.permutation(np.flatnonzero(joined.classes == value))[:most]
        for value in np.unique(joined.classes)
    ]
    keep = np.sort(np.concatenate(kept))
    return Cells(joined.rows[keep], joined.classes[keep], joined.units[keep])
