"""Intervals by resampling units (cases, regions), since items of one unit resemble each other.

Efron and Tibshirani, An introduction to the bootstrap (1993), percentile intervals.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Estimate

RESAMPLES = 1000
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
