"""Predictions for the patches of a slide: their storage in a journal, their heat maps and their objects."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import shapely
from numpy.typing import NDArray

from ml.contracts import Context, HeatMap, Objects, Prediction, SlideFinding, SlideReader
from ml.data.squares import reading_order, squares_of
from ml.features.patch_reader import PatchReader
from ml.features.store import feature_store
from ml.inference.entropy import entropy_share
from ml.inference.journal import Arrays, Journal
from ml.messages import Message
from ml.slides import PatchGrid
from ml.storage.model_state import Weights

# Heat maps are yielded at most this often, because each is a copy of the whole grid.
HEAT_MAP_STEPS = 50
# Consecutive patches of the same process, where several share a slide: whole blocks of every recipe.
SHARED = 512


@dataclass(frozen=True, slots=True)
class PatchPredictions:
    """Predictions for the patches ``indices`` (m,): ``probability`` float64 (m, k) over the classes.

    ``uncertainty`` (m,) is 0..1. Patches without a reported label are false in ``reported``: they make no
    object and leave a hole in the maps of probability.
    """

    indices: NDArray[np.intp]
    probability: NDArray[np.float64]
    uncertainty: NDArray[np.float32]
    reported: NDArray[np.bool_]


COLUMNS = tuple(field.name for field in dataclasses.fields(PatchPredictions))
Finding = Callable[[NDArray[np.float32]], SlideFinding | None]


class PatchPredictor(Protocol):
    """The fitted part of a patch recipe: probabilities of rows, and the arrays that a model folder stores."""

    def judge(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Return calibrated probabilities (n, k) over the classes."""
        ...

    def judge_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return calibrated probabilities (n, k) of pixels as the reader's ``pixel_rows`` returns them."""
        ...

    def predictions(self, indices: NDArray[np.intp], rows: NDArray[Any]) -> PatchPredictions:
        """Return the predictions for some patches."""
        ...

    def ready(self, context: Context) -> None:
        """Move the model to the device of the context."""
        ...

    def weights(self) -> Weights:
        """Return the learned arrays; raises DataError(``not_fitted``)."""
        ...

    def restore(self, weights: Weights) -> None:
        """Restore the arrays of ``weights``; raises KeyError, ValueError or RuntimeError for other arrays."""
        ...


def predictions_of(indices: NDArray[np.intp], probability: NDArray[np.float64]) -> PatchPredictions:
    """Return predictions from probabilities, with their entropy as uncertainty, all reported."""
    return PatchPredictions(
        indices, probability, entropy_share(probability), np.ones(len(indices), dtype=bool)
    )


def predict_grid(
    slide: SlideReader,
    grid: PatchGrid,
    context: Context,
    *,
    reader: PatchReader,
    predictor: PatchPredictor,
    labels: int,
    finding: Finding | None,
) -> Iterator[Prediction]:
    """Yield growing heat maps and new boxes of the patches of a grid, block by block.

    The last prediction has progress 1, and the finding of the slide from the values (n, labels + 1) of all
    patches: the probability of each label, then the uncertainty.
    """
    canvas = _Canvas(grid, labels)
    done, shown = 0, 0
    waiting: list[Objects] = []
    for predicted in _predictions(slide, grid, context, reader, predictor):
        canvas.paint(predicted)
        waiting.append(_objects(canvas.boxes(predicted.indices), predicted, labels))
        done += len(predicted.indices)
        context.report(done / len(grid), Message("patches_judged", done=done, total=len(grid)))
        # The first block is yielded at once: somebody may be waiting for it.
        if not shown or done == len(grid) or done - shown >= len(grid) / HEAT_MAP_STEPS:
            shown = done
            whole = finding(canvas.values()) if finding is not None and done == len(grid) else None
            yield Prediction(done / len(grid), join_objects(waiting), canvas.heat_maps(), whole)
            waiting.clear()


def _predictions(
    slide: SlideReader, grid: PatchGrid, context: Context, reader: PatchReader, predictor: PatchPredictor
) -> Iterator[PatchPredictions]:
    """Yield the predictions of earlier runs, then of the rest of this run's share."""
    squares = squares_of(grid)
    order = reading_order(squares)
    part, parts = context.share
    mine = np.arange(len(order)) // SHARED % parts == part
    left = np.ones(len(order), dtype=bool)
    question = f"{feature_store(context).content_of(slide.path)} {grid.key} {' '.join(COLUMNS)}"
    with Journal(context, question) as journal:
        for arrays in journal.finished():
            predicted = _from_arrays(arrays, left)
            left[predicted.indices] = False
            yield predicted
        pending = order[mine & left[order]]
        blocks = reader.stream(slide, squares.take(pending), context) if len(pending) else iter(())
        for indices, rows in blocks:
            block = predictor.predictions(indices, rows)
            predicted = dataclasses.replace(block, indices=pending[block.indices])
            journal.add({name: getattr(predicted, name) for name in COLUMNS})
            yield predicted


def _from_arrays(arrays: Arrays, left: NDArray[np.bool_]) -> PatchPredictions:
    """Return the predictions stored in a journal, without patches that already have one."""
    stored = PatchPredictions(*(arrays[name] for name in COLUMNS))
    new = left[stored.indices]
    return PatchPredictions(*(getattr(stored, name)[new] for name in COLUMNS))


def _objects(boxes: NDArray[np.object_], predicted: PatchPredictions, labels: int) -> Objects:
    best = predicted.probability.argmax(axis=1)
    kept = (best < labels) & predicted.reported
    return Objects(
        boxes[kept],
        best[kept].astype(np.int16),
        predicted.probability.max(axis=1)[kept].astype(np.float32),
        predicted.uncertainty[kept],
    )


def join_objects(batches: Sequence[Objects]) -> Objects:
    """Return one batch of all."""
    return Objects(
        np.concatenate([batch.geometry for batch in batches]),
        np.concatenate([batch.label for batch in batches]),
        np.concatenate([batch.score for batch in batches]),
        np.concatenate([batch.uncertainty for batch in batches]),
    )


class _Canvas:
    """Growing heat maps of a prediction."""

    def __init__(self, grid: PatchGrid, labels: int) -> None:
        side = min(grid.step, grid.size)
        # Where patches overlap, each speaks for the cell around its own centre.
        margin = (grid.size - side) / 2
        self._x, self._y = grid.x + margin, grid.y + margin
        self._step, self._index = grid.step, grid.index
        self._side = side
        shape = (labels + 1, grid.rows, grid.columns)
        self._values = np.full(shape, np.nan, dtype=np.float32)

    def boxes(self, indices: NDArray[np.intp]) -> NDArray[np.object_]:
        """Return the squares (m,) of some patches."""
        rows, columns = self._index[indices].T
        x, y = self._x + columns * self._step, self._y + rows * self._step
        squares: NDArray[np.object_] = shapely.box(x, y, x + self._side, y + self._side)
        return squares

    def paint(self, predicted: PatchPredictions) -> None:
        """Write the cells of some patches."""
        rows, columns = self._index[predicted.indices].T
        labels = len(self._values) - 1
        shown = np.where(predicted.reported[:, None], predicted.probability[:, :labels], np.nan)
        self._values[:labels, rows, columns] = shown.T
        self._values[labels, rows, columns] = predicted.uncertainty

    def values(self) -> NDArray[np.float32]:
        """Return (n, labels + 1): the probabilities of each patch of the grid, then its uncertainty."""
        rows, columns = self._index.T
        return self._values[:, rows, columns].T

    def heat_maps(self) -> tuple[HeatMap, ...]:
        """Return copies of the current maps: one per label, then uncertainty."""
        labels = len(self._values) - 1
        kinds = [("probability", number) for number in range(labels)]
        return tuple(
            HeatMap(kind, label, self._x, self._y, self._step, values.copy())
            for (kind, label), values in zip([*kinds, ("uncertainty", None)], self._values, strict=True)
        )
