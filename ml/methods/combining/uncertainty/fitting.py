"""Fitting of thresholds on nested folds, and of heads on the whole training part."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Context, DataError, Dataset, LabelledSlide
from ml.data.squares import squares_of
from ml.data.training_table import TrainingTable, hold_out, join_tables
from ml.evaluation.referral import Thresholds, combine_inner, combine_outer, inner_thresholds
from ml.features.patch_grids import tissue_grid
from ml.features.patch_sampler import PatchSampler, training_material
from ml.messages import Message
from ml.methods.combining.uncertainty.predictor import DropoutPredictor, doubt_of
from ml.slides import open_slide
from ml.slides.resolution import opened_square
from ml.training.heads_trainer import HeadsTrainer

OUTER, INNER = 3, 5


@dataclass(frozen=True)
class WholeSlideSampler:
    """Gathers labelled patches and, of slides with a label but no marks, at most ``most`` tissue patches."""

    sampler: PatchSampler
    most: int

    def gather(self, dataset: Dataset, context: Context, parts: Sequence[str]) -> TrainingTable:
        """Return all labelled items of some parts; raises DataError(``no_labels``) for none."""
        marked = [slide for slide in dataset.slides if slide.shapes or slide.finished or not slide.label]
        tables = [
            self._whole(slide, context)
            for slide in dataset.slides
            if slide not in marked and ("all" in parts or dataset.parts.get(slide.case, "train") in parts)
        ]
        rest = dataclasses.replace(dataset, slides=tuple(marked))
        if marked or dataset.images or not tables:
            tables.append(self.sampler.gather(rest, context, parts))
        return join_tables(tables)

    def material(self, dataset: Dataset, context: Context) -> tuple[TrainingTable, TrainingTable]:
        """Return the training and the held-out items; raises DataError(``one_class_only``)."""
        return training_material(self, dataset, context)

    def _whole(self, slide: LabelledSlide, context: Context) -> TrainingTable:
        """Return tissue patches of a slide, all with the slide's label."""
        state = self.sampler.state
        label = state.labels.index(str(slide.label))
        with opened_square(open_slide, slide) as (reader, _):
            squares = squares_of(tissue_grid(reader, self.sampler.grid(), context, None))
            order = np.random.default_rng(context.seed).permutation(len(squares))[: self.most]
            chosen = squares.take(np.sort(order))
            rows = self.sampler.reader.rows_of(reader, slide.content, chosen, context)
        count = len(rows)
        return TrainingTable(
            rows,
            np.tile(np.eye(len(state.classes))[label], (count, 1)),
            np.full(count, label, dtype=np.int16),
            np.ones(count),
            np.full(count, slide.case),
        )


@dataclass(frozen=True)
class ThresholdFitting:
    """Chooses the thresholds on nested folds of the training part, then trains on all of it."""

    predictor: DropoutPredictor
    sampler: WholeSlideSampler
    trainer: HeadsTrainer

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train on the part ``train``, with early stopping on ``validation``."""
        heads = self.predictor.heads
        learned, held = heads.open(self.sampler, dataset, context)
        self.predictor.limits = self._nested(learned.take(learned.truth >= 0), context)
        last = dataclasses.replace(context, report=lambda s, w: context.report(0.9 + 0.1 * s, w))
        heads.current = self.trainer.train(learned, held, last)
        heads.state.facts |= {"patches": len(learned.rows)}
        context.report(1.0, Message("learned"))

    def _nested(self, learned: TrainingTable, context: Context) -> Thresholds:
        outer = []
        for out, part in enumerate(_folds(learned, OUTER, context.seed)):
            rest = learned.take(~part)
            inner = []
            for number, held in enumerate(_folds(rest, INNER, context.seed + out + 1)):
                share = 0.5 + 0.4 * (out * INNER + number) / (OUTER * INNER)
                message = Message("thresholds", inner=number + 1, inners=INNER, outer=out + 1, outers=OUTER)
                context.report(share, message)
                thresholds = self._inner(rest.take(~held), rest.take(held), f"{out}-{number}", context)
                if thresholds is not None:
                    inner.append(thresholds)
            if inner:
                outer.append(combine_inner(inner))
        if not outer:
            raise DataError(Message("no_fold_of_two"), code="too_few")
        return combine_outer(outer)

    def _inner(
        self, learned: TrainingTable, held: TrainingTable, name: str, context: Context
    ) -> Thresholds | None:
        if len(np.unique(learned.truth)) < 2 or len(np.unique(held.truth)) < 2:  # noqa: PLR2004 - as above
            return None
        kept, stop = hold_out(learned, context.seed)
        quiet = dataclasses.replace(
            context, scratch=context.scratch / name, report=lambda _share, words: context.report(0.5, words)
        )
        self.predictor.heads.current = self.trainer.train(kept, stop, quiet)
        predicted = self.predictor.spread(held.rows)
        return inner_thresholds(held.truth, predicted.mean, doubt_of(predicted), held.units)


def _folds(known: TrainingTable, count: int, seed: int) -> Iterator[NDArray[np.bool_]]:
    """Yield the held-out items of each fold: by unit where there are enough, else by item."""
    names, member = np.unique(known.units, return_inverse=True)
    if len(names) < 2 * count:
        member = np.arange(len(known.units))
    order = np.random.default_rng(seed).permutation(int(member.max()) + 1)
    fold = np.empty(len(order), dtype=np.int64)
    fold[order] = np.arange(len(order)) % count
    for number in range(count):
        yield fold[member] == number
