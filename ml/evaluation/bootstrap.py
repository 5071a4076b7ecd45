"""Intervals by resampling units (cases, regions), since items of one unit resemble each other.

Efron and Tibshirani, An introduction to the bootstrap (1993), percentile intervals. Where every unit is
perfect the resamples cannot vary and would promise certainty: there the interval is Wilson's (Probable
inference, JASA 22:209, 1927), each unit counted once, since nothing is known of how its items differ.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from ml.contracts import Estimate

RESAMPLES = 1000
SAME = 1e-9
COVERAGE = (0.025, 0.975)


def resample_units(unit: NDArray[np.str_], seed: int, resamples: int = RESAMPLES) -> NDArray[np.float64]:
    """Return weights (1 + resamples, n): first every item once, then how often each was drawn.

    One unit alone says nothing of how units vary: then there are no resamples, only the first row.
    """
    names, member = np.unique(unit, return_inverse=True)
    weights = np.ones((1 + resamples if len(names) > 1 else 1, len(unit)))
    if len(weights) > 1:
        random = np.random.default_rng(seed)
        drawn = random.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
        weights[1:] = drawn[:, member]
    return weights


def estimate(values: NDArray[np.float64]) -> Estimate:
    """Return the first of ``values`` (1 + resamples,) with the 95 % interval of the others.

    The interval is NaN where there are no resamples in which the metric is defined.
    """
    drawn = values[1:][~np.isnan(values[1:])]
    value = float(values[0])
    if np.isnan(value) or not len(drawn):
        return Estimate(value, float("nan"), float("nan"))
    low, high = np.quantile(drawn, COVERAGE)
    return Estimate(value, float(low), float(high))


def estimate_share(values: NDArray[np.float64], units: int) -> Estimate:
    """Return the estimate of a metric in 0..1 from so many ``units``.

    Where the resamples do not vary: Wilson's interval when the metric is 0 or 1, else (one unit alone
    has the measured event) none, which is NaN.
    """
    result = estimate(values)
    if np.isnan(result.low) or result.high - result.low > SAME:
        return result
    if units > 1 and min(result.value, 1 - result.value) < SAME:
        return Estimate(result.value, *wilson_interval(round(result.value) * units, units))
    return Estimate(result.value, float("nan"), float("nan"))


def wilson_interval(hits: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of the share of ``hits`` in ``count`` independent trials, by SciPy."""
    interval = binomtest(hits, count).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def count_units(unit: NDArray[np.str_], which: NDArray[np.bool_]) -> int:
    """Return the number of units (n,) with an item among ``which`` (n,)."""
    return len(np.unique(unit[which]))


def units_of_rarest(unit: NDArray[np.str_], truth: NDArray[np.integer]) -> int:
    """Return in how many units the rarest class of ``truth`` (n,) occurs.

    What compares or averages classes (the area under the curve, balanced accuracy, F1) knows no more.
    """
    return min((count_units(unit, truth == item) for item in np.unique(truth)), default=0)
