"""Uncertainty-informed prediction: doubtful patches are left out, doubtful slides referred to a person."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax

from ml.contracts import Context, DataError, Dataset, Estimate, Evaluation, Sentence, SlideFinding
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
from ml.recipes.featured import FeatureRecipe
from ml.recipes.networked import hold_out
from ml.recipes.patching import Judged, Learnable, Weights, join_learnable, squares_of
from ml.slides import open_slide

OUTER, INNER = 3, 5
LIMITS = "limits"


class Uncertainty(FeatureRecipe, recipe="uncertainty"):
    """Thirty passes with dropout over stored features; thresholds from nested folds of the training part."""

    _limits = Thresholds(np.inf, np.inf, 0.5, 0.5)

    @property
    def dropout(self) -> float:
        """Return the share of hidden numbers left out, in training and in every pass."""
        return float(self.config.dropout)

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Find the thresholds on nested folds of the training part, then train on all of it."""
        self.open(dataset, context)
        learned, held = self.material(dataset, context)
        self._limits = self._nested(learned.take(learned.truth >= 0), context)
        last = dataclasses.replace(context, report=lambda s, w: context.report(0.9 + 0.1 * s, w))
        self._heads = self.train_heads(learned, held, last)
        self.facts |= {"patches": len(learned.rows)}
        context.report(1.0, Sentence("learned", "Learned"))

    def gather(self, dataset: Dataset, context: Context, parts: Sequence[str]) -> Learnable:
        """Return labelled patches; of slides that have a label and no marks, their tissue patches."""
        marked = [slide for slide in dataset.slides if slide.shapes or slide.finished or not slide.label]
        tables = [
            self._whole(dataset, number, context)
            for number, slide in enumerate(dataset.slides)
            if slide not in marked and ("all" in parts or dataset.parts.get(slide.case, "train") in parts)
        ]
        rest = dataclasses.replace(dataset, slides=tuple(marked))
        if marked or dataset.images or not tables:
            tables.append(super().gather(rest, context, parts))
        return join_learnable(tables)

    def spread(self, rows: NDArray[Any]) -> Spread:
        """Return mean and spread of passes with dropout at work; the same for the same rows."""
        passes = int(self.config.passes)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.heads.dropout.train()
            answers = [softmax(self.scores(rows)[0], axis=1) for _ in range(passes)]
            self.heads.dropout.eval()
        return spread_of(np.stack(answers))

    def doubt(self, found: Spread) -> NDArray[np.float64]:
        """Return the deviation (n,) of the likeliest class."""
        best = found.mean.argmax(axis=1)
        doubt: NDArray[np.float64] = found.deviation[np.arange(len(best)), best]
        return doubt

    def judged(self, indices: NDArray[np.intp], rows: NDArray[Any]) -> Judged:
        """Return what is said of some patches; those in doubt are not told."""
        found = self.spread(rows)
        told = self.doubt(found) < self._limits.patch
        return Judged(indices, found.mean, found.uncertainty("deviation"), told)

    def evaluate(self, dataset: Dataset, context: Context, part: str = "test") -> Evaluation:
        """Measure all patches as any classifier, then what is kept of patches and of slides."""
        plain = super().evaluate(dataset, context, part)
        known = self.gather(dataset, context, (part,))
        known = known.take(known.truth >= 0)
        found = self.spread(known.rows)
        doubt = self.doubt(found)
        weights = resample_units(known.units, context.seed)
        kept = doubt < self._limits.patch
        everywhere = len(np.unique(known.units))
        more = {"kept_share": estimate_share(weights @ kept / weights.sum(axis=1), everywhere)}
        if kept.any():
            inside = weights[:, kept], known.truth[kept], found.mean[kept]
            rarest = units_of_rarest(known.units[kept], known.truth[kept])
            more["kept_auc"] = estimate_share(weighted.macro_auc(*inside), rarest)
            units = count_units(known.units, kept)
            more["kept_accuracy"] = estimate_share(weighted.accuracy(*inside), units)
        slides = slide_answers(known.truth, found.mean, doubt, known.units, self._limits.patch)
        more |= self._of_slides(slides)
        return dataclasses.replace(plain, metrics={**plain.metrics, **more})

    def _of_slides(self, slides: SlideAnswer) -> dict[str, Estimate]:
        """Return the share of slides that need no person, and how the others' answers fare there."""
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
        told = ~np.isnan(values[:, 0])
        doubt = values[:, -1].astype(np.float64) / 2
        if not told.any():
            nothing = np.full(len(self.labels), 1 / len(self.labels), dtype=np.float32)
            return SlideFinding(nothing, 1.0, refer=True)
        found = float(doubt[told].mean())
        return SlideFinding(values[told, :-1].mean(axis=0), 2 * found, refer=found >= self._limits.slide)

    def _nested(self, learned: Learnable, context: Context) -> Thresholds:
        outer = []
        for out, part in enumerate(_folds(learned, OUTER, context.seed)):
            rest = learned.take(~part)
            inner = []
            for number, held in enumerate(_folds(rest, INNER, context.seed + out + 1)):
                share = 0.5 + 0.4 * (out * INNER + number) / (OUTER * INNER)
                context.report(
                    share,
                    Sentence(
                        "thresholds",
                        "Thresholds: fold {inner} of {inners} in {outer} of {outers}",
                        inner=number + 1,
                        inners=INNER,
                        outer=out + 1,
                        outers=OUTER,
                    ),
                )
                found = self._inner(rest.take(~held), rest.take(held), f"{out}-{number}", context)
                if found is not None:
                    inner.append(found)
            if inner:
                outer.append(combine_inner(inner))
        if not outer:
            message = Sentence(
                "no_fold_of_two",
                "No fold of the training part holds two classes. Mark more cases of each label.",
            )
            raise DataError("too_few", message)
        return combine_outer(outer)

    def _inner(self, learned: Learnable, held: Learnable, name: str, context: Context) -> Thresholds | None:
        if len(np.unique(learned.truth)) < 2 or len(np.unique(held.truth)) < 2:  # noqa: PLR2004 - as above
            return None
        kept, stop = hold_out(learned, context.seed)
        quiet = dataclasses.replace(
            context, scratch=context.scratch / name, report=lambda _share, words: context.report(0.5, words)
        )
        self._heads = self.train_heads(kept, stop, quiet)
        found = self.spread(held.rows)
        return inner_thresholds(held.truth, found.mean, self.doubt(found), held.units)

    def _whole(self, dataset: Dataset, number: int, context: Context) -> Learnable:
        """Return tissue patches of a slide, all with the slide's label."""
        slide = dataset.slides[number]
        label = self.labels.index(str(slide.label))
        with open_slide(slide.path) as reader:
            reader.mpp = slide.mpp or reader.mpp
            squares = squares_of(self._tissue_grid(reader, context, None))
            order = np.random.default_rng(context.seed).permutation(len(squares))[: self.config.patches]
            chosen = dataclasses.replace(squares, corners=squares.corners[np.sort(order)])
            rows = self.rows_of(reader, slide.content, chosen, context)
        count = len(rows)
        return Learnable(
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
        """Take back what was saved."""
        self._limits = Thresholds(*(float(value) for value in weights[LIMITS]))
        super().restore(weights)


def _folds(known: Learnable, count: int, seed: int) -> Iterator[NDArray[np.bool_]]:
    """Yield which items are held out in each fold: by unit where there are enough, else by item."""
    names, member = np.unique(known.units, return_inverse=True)
    if len(names) < 2 * count:
        member = np.arange(len(known.units))
    order = np.random.default_rng(seed).permutation(int(member.max()) + 1)
    fold = np.empty(len(order), dtype=np.int64)
    fold[order] = np.arange(len(order)) % count
    for number in range(count):
        yield fold[member] == number
