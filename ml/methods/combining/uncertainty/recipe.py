"""Uncertainty-informed prediction: uncertain patches are rejected, uncertain slides referred to a person."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax

from ml.contracts import Context, DataError, Dataset, Estimate, Evaluation, SlideFinding
from ml.evaluation import weighted
from ml.evaluation.bootstrap import count_units, estimate_share, resample_units, units_of_rarest
from ml.evaluation.referral import (
    SlideAnswer,
    Thresholds,
    combine_inner,
    combine_outer,
    inner_thresholds,
    slide_answers,
)
from ml.inference.averaging import Spread, spread_of
from ml.messages import Message
from ml.methods.bases.feature_recipe import FeatureRecipe
from ml.methods.bases.network_recipe import hold_out
from ml.methods.bases.patch_recipe import PatchPredictions, TrainingTable, Weights, join_tables, squares_of
from ml.methods.combining.uncertainty.info import INFO, UncertaintyConfig
from ml.slides import open_slide
from ml.slides.resolution import opened_square

OUTER, INNER = 3, 5
LIMITS = "limits"


class Uncertainty(FeatureRecipe[UncertaintyConfig]):
    """Thirty passes with dropout over stored features; thresholds from nested folds of the training part."""

    info = INFO

    _limits = Thresholds(np.inf, np.inf, 0.5, 0.5)

    @property
    def dropout(self) -> float:
        """Return the dropout rate, in training and in every pass."""
        return float(self.config.dropout)

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Choose the thresholds on nested folds of the training part, then train on all of it."""
        self.open(dataset, context)
        learned, held = self.material(dataset, context)
        self._limits = self._nested(learned.take(learned.truth >= 0), context)
        last = dataclasses.replace(context, report=lambda s, w: context.report(0.9 + 0.1 * s, w))
        self._heads = self.train_heads(learned, held, last)
        self.facts |= {"patches": len(learned.rows)}
        context.report(1.0, Message("learned"))

    def gather(self, dataset: Dataset, context: Context, parts: Sequence[str]) -> TrainingTable:
        """Return labelled patches; of slides with a label but no marks, their tissue patches."""
        marked = [slide for slide in dataset.slides if slide.shapes or slide.finished or not slide.label]
        tables = [
            self._whole(dataset, number, context)
            for number, slide in enumerate(dataset.slides)
            if slide not in marked and ("all" in parts or dataset.parts.get(slide.case, "train") in parts)
        ]
        rest = dataclasses.replace(dataset, slides=tuple(marked))
        if marked or dataset.images or not tables:
            tables.append(super().gather(rest, context, parts))
        return join_tables(tables)

    def spread(self, rows: NDArray[Any]) -> Spread:
        """Return mean and spread of passes with dropout; the same for the same rows."""
        passes = int(self.config.passes)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.heads.dropout.train()
            answers = [softmax(self.scores(rows)[0], axis=1) for _ in range(passes)]
            self.heads.dropout.eval()
        return spread_of(np.stack(answers))

    def doubt(self, predicted: Spread) -> NDArray[np.float64]:
        """Return the deviation (n,) of the likeliest class."""
        best = predicted.mean.argmax(axis=1)
        doubt: NDArray[np.float64] = predicted.deviation[np.arange(len(best)), best]
        return doubt

    def judged(self, indices: NDArray[np.intp], rows: NDArray[Any]) -> PatchPredictions:
        """Return the predictions for some patches; uncertain ones are not reported."""
        predicted = self.spread(rows)
        reported = self.doubt(predicted) < self._limits.patch
        return PatchPredictions(indices, predicted.mean, predicted.uncertainty("deviation"), reported)

    def evaluate(self, dataset: Dataset, context: Context, part: str = "test") -> Evaluation:
        """Measure all patches as any classifier, then the accepted patches and slides."""
        plain = super().evaluate(dataset, context, part)
        known = self.gather(dataset, context, (part,))
        known = known.take(known.truth >= 0)
        predicted = self.spread(known.rows)
        doubt = self.doubt(predicted)
        weights = resample_units(known.units, context.seed)
        kept = doubt < self._limits.patch
        everywhere = len(np.unique(known.units))
        more = {"kept_share": estimate_share(weights @ kept / weights.sum(axis=1), everywhere)}
        if kept.any():
            inside = weights[:, kept], known.truth[kept], predicted.mean[kept]
            rarest = units_of_rarest(known.units[kept], known.truth[kept])
            more["kept_auc"] = estimate_share(weighted.macro_auc(*inside), rarest)
            units = count_units(known.units, kept)
            more["kept_accuracy"] = estimate_share(weighted.accuracy(*inside), units)
        slides = slide_answers(known.truth, predicted.mean, doubt, known.units, self._limits.patch)
        more |= self._of_slides(slides)
        return dataclasses.replace(plain, metrics={**plain.metrics, **more})

    def _of_slides(self, slides: SlideAnswer) -> dict[str, Estimate]:
        """Return the share of accepted slides, and the accuracy on them."""
        sure = slides.sure(self._limits.slide)
        right = self._answers(slides.probability) == slides.truth
        weights = resample_units(slides.units, self.seed)
        everywhere = len(np.unique(slides.units))
        more = {"sure_slides": estimate_share(weights @ sure / weights.sum(axis=1), everywhere)}
        if sure.any():
            inside = weights[:, sure]
            share = np.divide(
                inside @ right[sure],
                inside.sum(axis=1),
                out=np.full(len(inside), np.nan),
                where=inside.any(axis=1),
            )
            more["sure_accuracy"] = estimate_share(share, count_units(slides.units, sure))
            more["sure_auc"] = estimate_share(
                weighted.macro_auc(inside, slides.truth[sure], slides.probability[sure]),
                units_of_rarest(slides.units[sure], slides.truth[sure]),
            )
        return more

    def _answers(self, probability: NDArray[np.float64]) -> NDArray[np.int64]:
        if probability.shape[1] != 2:  # noqa: PLR2004 - two classes have a threshold, more have none
            likeliest: NDArray[np.int64] = probability.argmax(axis=1)
            return likeliest
        return (probability[:, 1] >= self._limits.slide_positive).astype(np.int64)

    def _finding(self, values: NDArray[np.float32]) -> SlideFinding | None:
        reported = ~np.isnan(values[:, 0])
        doubt = values[:, -1].astype(np.float64) / 2
        if not reported.any():
            nothing = np.full(len(self.labels), 1 / len(self.labels), dtype=np.float32)
            return SlideFinding(nothing, 1.0, refer=True)
        uncertainty = float(doubt[reported].mean())
        return SlideFinding(
            values[reported, :-1].mean(axis=0), 2 * uncertainty, refer=uncertainty >= self._limits.slide
        )

    def _nested(self, learned: TrainingTable, context: Context) -> Thresholds:
        outer = []
        for out, part in enumerate(_folds(learned, OUTER, context.seed)):
            rest = learned.take(~part)
            inner = []
            for number, held in enumerate(_folds(rest, INNER, context.seed + out + 1)):
                share = 0.5 + 0.4 * (out * INNER + number) / (OUTER * INNER)
                context.report(
                    share,
                    Message(
                        "thresholds",
                        inner=number + 1,
                        inners=INNER,
                        outer=out + 1,
                        outers=OUTER,
                    ),
                )
                thresholds = self._inner(rest.take(~held), rest.take(held), f"{out}-{number}", context)
                if thresholds is not None:
                    inner.append(thresholds)
            if inner:
                outer.append(combine_inner(inner))
        if not outer:
            message = Message(
                "no_fold_of_two",
            )
            raise DataError(message, code="too_few")
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
        self._heads = self.train_heads(kept, stop, quiet)
        predicted = self.spread(held.rows)
        return inner_thresholds(held.truth, predicted.mean, self.doubt(predicted), held.units)

    def _whole(self, dataset: Dataset, number: int, context: Context) -> TrainingTable:
        """Return tissue patches of a slide, all with the slide's label."""
        slide = dataset.slides[number]
        label = self.labels.index(str(slide.label))
        with opened_square(open_slide, slide) as (reader, _):
            squares = squares_of(self._tissue_grid(reader, context, None))
            order = np.random.default_rng(context.seed).permutation(len(squares))[: self.config.patches]
            chosen = dataclasses.replace(squares, corners=squares.corners[np.sort(order)])
            rows = self.rows_of(reader, slide.content, chosen, context)
        count = len(rows)
        return TrainingTable(
            rows,
            np.tile(np.eye(len(self.classes))[label], (count, 1)),
            np.full(count, label, dtype=np.int16),
            np.ones(count),
            np.full(count, slide.case),
        )

    def _weights(self) -> Weights:
        limits = np.array(dataclasses.astuple(self._limits), dtype=np.float64)
        return {**super()._weights(), LIMITS: limits}

    def restore(self, weights: Weights) -> None:
        """Restore saved arrays."""
        self._limits = Thresholds(*(float(value) for value in weights[LIMITS]))
        super().restore(weights)


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
