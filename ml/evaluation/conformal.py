"""Sets of labels that hold the true one with a promised probability: split conformal prediction."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def conformal_limit(truth: NDArray[np.int16], probability: Floats, error: float) -> float:
    """Return the probability threshold of the sets at which at most ``error`` of them miss the truth.

    ``truth`` (n,) and ``probability`` (n, k) are of items that nothing was learned from. Zero, so that every
    label belongs, where n is too small for the promise. Sadinle, Lei and Wasserman, JASA 114:223 (2019).
    """
    count = len(truth)
    rank = math.ceil((count + 1) * (1 - error))
    if rank > count:
        return 0.0
    strange = np.sort(1 - probability[np.arange(count), truth])
    return float(1 - strange[rank - 1])


def label_sets(probability: Floats, limit: float) -> NDArray[np.bool_]:
    """Return which labels belong to the set of each item (n, k)."""
    return probability >= limit


def coverage(truth: NDArray[np.int16], sets: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return for each item whether its set holds the true label (n,)."""
    held: NDArray[np.bool_] = sets[np.arange(len(truth)), truth]
    return held
