"""Uncertainty-informed prediction: rejection of patches and referral of slides.

Dolezal et al., Nature Communications (2022). Thresholds come from training data alone, by nested folds.
For more than two classes (our extension): a patch is wrong when its likeliest class is not the true one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BINARY = 2


@dataclass(frozen=True, slots=True)
class Thresholds:
    """``patch`` and ``slide``: uncertainty from which one is left out or referred; infinite where none is.

    ``patch_positive`` and ``slide_positive``: probability of the second of two classes from which it is
    answered; 0.5 with more classes, where the likeliest is.
    """

    patch: float
    slide: float
    patch_positive: float
    slide_positive: float


@dataclass(frozen=True, slots=True)
class SlideAnswer:
    """Answers of s slides: ``units`` (s,), ``truth`` (s,), ``probability`` (s, k), ``uncertainty`` (s,).

    ``left`` (s,) counts the patches that were kept.
    """

    units: NDArray[np.str_]
    truth: NDArray[np.int16]
    probability: Floats
    uncertainty: Floats
    left: NDArray[np.int64]

    def sure(self, limit: float) -> NDArray[np.bool_]:
        """Return which slides need no referral: uncertainty below the limit, and patches left to judge by."""
        accepted: NDArray[np.bool_] = (self.left > 0) & (self.uncertainty < limit)
        return accepted


def youden(positive: NDArray[np.bool_], score: Floats) -> float:
    """Return the t at which sensitivity plus specificity of ``score >= t`` is greatest; NaN for one class."""
    if positive.all() or not positive.any():
        return float("nan")
    order = np.argsort(-score, kind="stable")
    ranked, hits = score[order], positive[order]
    gain = hits.cumsum() / hits.sum() - (~hits).cumsum() / (~hits).sum()
    last = np.append(np.diff(ranked) != 0, True)
    best = np.flatnonzero(last)[gain[last].argmax()]
    return float(ranked[best])


def slide_answers(
    truth: NDArray[np.int16],
    probability: Floats,
    uncertainty: Floats,
    units: NDArray[np.str_],
    limit: float,
) -> SlideAnswer:
    """Return the mean answers by slide over its patches whose uncertainty is below the limit.

    A slide without such patches has the means of all, and ``left`` 0. Its truth is that of most patches.
    """
    names, member = np.unique(units, return_inverse=True)
    kept = uncertainty < limit
    rows = []
    for number in range(len(names)):
        inside = member == number
        used = inside & kept if (inside & kept).any() else inside
        rows.append(
            (
                np.bincount(truth[inside]).argmax(),
                probability[used].mean(axis=0),
                uncertainty[used].mean(),
                (inside & kept).sum(),
            )
        )
    labels, means, doubts, left = (np.array(column) for column in zip(*rows, strict=True))
    return SlideAnswer(names, labels.astype(np.int16), means, doubts, left.astype(np.int64))


def inner_thresholds(
    truth: NDArray[np.int16], probability: Floats, uncertainty: Floats, units: NDArray[np.str_]
) -> Thresholds:
    """Return the thresholds of an inner fold: first of patches, then, without rejected patches, of slides."""
    positive = _positive(truth, probability)
    patch = youden(_wrong(truth, probability, positive), uncertainty)
    slides = slide_answers(truth, probability, uncertainty, units, np.inf if np.isnan(patch) else patch)
    answered = _positive(slides.truth, slides.probability)
    slide = youden(_wrong(slides.truth, slides.probability, answered), slides.uncertainty)
    return Thresholds(patch, slide, positive, answered)


def combine_inner(folds: Sequence[Thresholds]) -> Thresholds:
    """Return the least patch limit, the greatest slide limit and the mean of the others over inner folds."""
    return Thresholds(
        _over(np.min, [fold.patch for fold in folds]),
        _over(np.max, [fold.slide for fold in folds]),
        _over(np.mean, [fold.patch_positive for fold in folds]),
        _over(np.mean, [fold.slide_positive for fold in folds]),
    )


def combine_outer(folds: Sequence[Thresholds]) -> Thresholds:
    """Return the means over outer folds; a limit that no fold knows is infinite."""
    names = ("patch", "slide", "patch_positive", "slide_positive")
    means = [_over(np.mean, [getattr(fold, name) for fold in folds]) for name in names]
    unknown = (np.inf, np.inf, 0.5, 0.5)
    limits = [other if np.isnan(mean) else mean for mean, other in zip(means, unknown, strict=True)]
    return Thresholds(*limits)


def _positive(truth: NDArray[np.int16], probability: Floats) -> float:
    if probability.shape[1] != BINARY:
        return 0.5
    return youden(truth == 1, probability[:, 1])


def _wrong(truth: NDArray[np.int16], probability: Floats, positive: float) -> NDArray[np.bool_]:
    if probability.shape[1] != BINARY or np.isnan(positive):
        wrong: NDArray[np.bool_] = probability.argmax(axis=1) != truth
    else:
        wrong = (probability[:, 1] >= positive) != (truth == 1)
    return wrong


def _over(join: object, values: Sequence[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(join(known)) if known else float("nan")  # type: ignore[operator]
