"""Metrics of classification as functions of item weights, so that a resample is one more row.

Each function takes ``weights`` float64 (b, n), how often each of n items counts in each of b
resamples, and returns (b,); NaN where a metric is undefined, for instance with one class only.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BINS = 15
LEAST = 1e-7


def accuracy(weights: Floats, truth: NDArray[np.int16], probability: Floats) -> Floats:
    """Return the share of items whose likeliest class is the true one."""
    right = probability.argmax(axis=1) == truth
    return _share(weights @ right.astype(np.float64), weights.sum(axis=1))


def confusion(weights: Floats, truth: NDArray[np.int16], probability: Floats) -> Floats:
    """Return (b, k, k): rows truth, columns prediction."""
    classes = probability.shape[1]
    cells = truth.astype(np.int64) * classes + probability.argmax(axis=1)
    members = np.zeros((len(truth), classes * classes))
    members[np.arange(len(truth)), cells] = 1.0
    return (weights @ members).reshape(-1, classes, classes)


def recalls(matrix: Floats) -> Floats:
    """Return (b, k) recall per class; NaN for a class without items."""
    return _share(np.einsum("bii->bi", matrix), matrix.sum(axis=2))


def precisions(matrix: Floats) -> Floats:
    """Return (b, k) precision per class; NaN for a class never predicted."""
    return _share(np.einsum("bii->bi", matrix), matrix.sum(axis=1))


def f1_scores(matrix: Floats) -> Floats:
    """Return (b, k) F1 per class; NaN for a class without items."""
    hits = np.einsum("bii->bi", matrix)
    actual = matrix.sum(axis=2)
    scores = _share(2 * hits, actual + matrix.sum(axis=1))
    return np.where(actual > 0, scores, np.nan)


def auc(weights: Floats, positive: NDArray[np.bool_], score: Floats) -> Floats:
    """Return the area under the ROC curve; equal scores count half."""
    order = np.argsort(score, kind="stable")
    ordered = weights[:, order]
    up = np.where(positive[order], ordered, 0.0)
    down = ordered - up
    first = np.flatnonzero(np.r_[True, np.diff(score[order]) > 0])
    ups = np.add.reduceat(up, first, axis=1)
    downs = np.add.reduceat(down, first, axis=1)
    below = np.cumsum(downs, axis=1) - downs
    won = (ups * (below + downs / 2)).sum(axis=1)
    return _share(won, ups.sum(axis=1) * downs.sum(axis=1))


def macro_auc(weights: Floats, truth: NDArray[np.int16], probability: Floats) -> Floats:
    """Return the mean over the classes that occur of the area of one against the rest."""
    columns = [
        auc(weights, truth == k, probability[:, k].astype(np.float64)) for k in range(probability.shape[1])
    ]
    return mean_of_defined(np.stack(columns, axis=1))


def log_loss(weights: Floats, truth: NDArray[np.int16], probability: Floats) -> Floats:
    """Return the mean negative log-likelihood in nats."""
    chosen = probability[np.arange(len(truth)), truth]
    return _share(weights @ -np.log(np.maximum(chosen, LEAST)), weights.sum(axis=1))


def brier(weights: Floats, truth: NDArray[np.int16], probability: Floats) -> Floats:
    """Return the mean squared distance between probabilities and truth, summed over classes."""
    target = np.eye(probability.shape[1])[truth]
    return _share(weights @ ((probability - target) ** 2).sum(axis=1), weights.sum(axis=1))


def calibration_error(weights: Floats, truth: NDArray[np.int16], probability: Floats) -> Floats:
    """Return the expected calibration error over 15 bins of equal width.

    Guo et al., On calibration of modern neural networks, ICML (2017).
    """
    confidence = probability.max(axis=1)
    gap = (probability.argmax(axis=1) == truth) - confidence
    members = np.zeros((len(truth), BINS))
    members[np.arange(len(truth)), bins_of(confidence)] = gap
    return _share(np.abs(weights @ members).sum(axis=1), weights.sum(axis=1))


def bins_of(confidence: Floats) -> NDArray[np.int64]:
    """Return the bin (n,) of each confidence; a bin includes its upper border."""
    return np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)


def mean_of_defined(values: Floats) -> Floats:
    """Return the mean over the last axis of the values that are not NaN; NaN where all are."""
    known = ~np.isnan(values)
    return _share(np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1).astype(float))


def _share(part: Floats, whole: Floats) -> Floats:
    share: Floats = np.full(np.broadcast_shapes(part.shape, whole.shape), np.nan)
    np.divide(part, whole, out=share, where=whole > 0)
    return share


Metric = Callable[[Floats, NDArray[np.int16], Floats], Floats]
PLAIN: dict[str, Metric] = {
    "auc": macro_auc,
    "accuracy": accuracy,
    "nll": log_loss,
    "brier": brier,
    "ece": calibration_error,
}
