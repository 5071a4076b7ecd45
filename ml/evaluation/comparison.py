"""Paired comparison of two evaluations of the same items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.contracts import DataError, Estimate, Evaluation
from ml.evaluation.bootstrap import estimate, resample_units
from ml.evaluation.classification import class_metrics
from ml.evaluation.counts import count_metrics
from ml.evaluation.objects import MEASURES, mean_measures
from ml.evaluation.survival import concordance
from ml.messages import Message


@dataclass(frozen=True, slots=True)
class Difference(Estimate):
    """Second minus first, with its interval; ``p`` is two-sided, NaN where undefined."""

    p: float


def compare(first: Evaluation, second: Evaluation, seed: int = 0) -> dict[str, Difference]:
    """Return the difference of each metric, from the same resamples of units for both.

    Raises DataError(``not_comparable``) unless both were measured on the same items.
    """
    _check_same_items(first, second)
    weights = resample_units(np.asarray(first.outcomes["unit"]), seed)
    before, after = _metrics(first, weights), _metrics(second, weights)
    return {name: _difference(after[name] - before[name]) for name in before if name in after}


def _difference(values: NDArray[np.float64]) -> Difference:
    estimated = estimate(values)
    drawn = values[1:][~np.isnan(values[1:])]
    if np.isnan(estimated.value) or not len(drawn):
        return Difference(estimated.value, estimated.low, estimated.high, float("nan"))
    # One is added above and below, so that no finite number of resamples can claim certainty.
    tail = min((drawn <= 0).sum(), (drawn >= 0).sum())
    return Difference(
        estimated.value, estimated.low, estimated.high, float(min(1.0, 2 * (tail + 1) / (len(drawn) + 1)))
    )


def _metrics(evaluation: Evaluation, weights: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    outcomes = evaluation.outcomes
    if "probability" in outcomes:
        return class_metrics(evaluation.labels, outcomes["truth"], outcomes["probability"], weights)
    if "risk" in outcomes:
        months, event = outcomes["months"], outcomes["event"]
        return {"c_index": concordance(weights, months, event, outcomes["risk"])}
    if any(name.startswith("hits:") for name in outcomes):
        return count_metrics(evaluation.labels, outcomes, weights)
    return mean_measures({name: outcomes[name] for name in MEASURES}, weights)


def _check_same_items(first: Evaluation, second: Evaluation) -> None:
    same = set(first.outcomes) == set(second.outcomes) and first.count == second.count
    for name in ("unit", "truth"):
        if same and name in first.outcomes:
            same = np.array_equal(first.outcomes[name], second.outcomes[name])
    if not same or first.labels != second.labels:
        message = Message(
            "not_the_same_items",
        )
        raise DataError(message, code="not_comparable")
