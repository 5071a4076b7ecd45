"""The evaluation of a classifier, with intervals from resampling whole units."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Evaluation
from ml.evaluation import weighted
from ml.evaluation.bootstrap import count_units, estimate, estimate_share, resample_units, units_of_rarest

Floats = NDArray[np.float64]
# What is no share of anything and has no upper end.
LOSSES = frozenset({"nll", "brier", "ece"})


def evaluate_classes(
    labels: Sequence[str],
    truth: NDArray[np.int16],
    probability: NDArray[np.float32],
    unit: NDArray[np.str_],
    seed: int = 0,
) -> Evaluation:
    """Return all metrics of n items: ``truth`` (n,), ``probability`` (n, k), ``unit`` (n,).

    A metric that is undefined, as with one class only, is NaN and no error.
    """
    metrics = class_metrics(labels, truth, probability, resample_units(unit, seed))
    units = _units_behind(labels, truth, probability, unit)
    once = np.ones((1, len(truth)))
    matrix = weighted.confusion(once, truth, probability.astype(np.float64))[0]
    return Evaluation(
        labels=tuple(labels),
        metrics={
            name: estimate(values) if name in LOSSES else estimate_share(values, units[name])
            for name, values in metrics.items()
        },
        count=len(truth),
        confusion=matrix.astype(np.int64),
        reliability=reliability_curve(truth, probability),
        outcomes={"truth": truth, "probability": probability, "unit": unit},
    )


def _units_behind(
    labels: Sequence[str],
    truth: NDArray[np.int16],
    probability: NDArray[np.float32],
    unit: NDArray[np.str_],
) -> dict[str, int]:
    """Return the number of units behind each share."""
    counts = dict.fromkeys(("auc", "balanced_accuracy", "f1_macro"), units_of_rarest(unit, truth))
    counts["accuracy"] = len(np.unique(unit))
    predicted = probability.argmax(axis=1) if len(truth) else truth
    for number, label in enumerate(labels):
        counts[f"precision:{label}"] = count_units(unit, predicted == number)
        counts[f"recall:{label}"] = count_units(unit, truth == number)
    return counts


def class_metrics(
    labels: Sequence[str],
    truth: NDArray[np.int16],
    probability: NDArray[np.float32],
    weights: Floats,
) -> dict[str, Floats]:
    """Return each metric (b,) under ``weights`` (b, n); the first row should be all ones."""
    exact = probability.astype(np.float64)
    metrics = {name: metric(weights, truth, exact) for name, metric in weighted.PLAIN.items()}
    matrix = weighted.confusion(weights, truth, exact)
    recall, precision = weighted.recalls(matrix), weighted.precisions(matrix)
    metrics["balanced_accuracy"] = weighted.mean_of_defined(recall)
    metrics["f1_macro"] = weighted.mean_of_defined(weighted.f1_scores(matrix))
    for number, label in enumerate(labels):
        metrics[f"precision:{label}"] = precision[:, number]
        metrics[f"recall:{label}"] = recall[:, number]
    return metrics


def reliability_curve(
    truth: NDArray[np.int16], probability: NDArray[np.float32]
) -> list[tuple[float, float, int]]:
    """Return (mean confidence, accuracy, count) of each bin that is not empty."""
    confidence = probability.max(axis=1, initial=0.0).astype(np.float64)
    right = probability.argmax(axis=1) == truth if len(truth) else np.zeros(0, dtype=bool)
    bins = weighted.bins_of(confidence)
    curve = []
    for number in np.unique(bins):
        inside = bins == number
        curve.append((float(confidence[inside].mean()), float(right[inside].mean()), int(inside.sum())))
    return curve
