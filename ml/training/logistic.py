"""Multinomial logistic regression on soft targets, and its temperature calibration."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax, softmax

CAUTION = 2.0
Floats = NDArray[np.float64]
Fit = Callable[[NDArray[np.intp]], Callable[[NDArray[np.intp]], Floats]]


def fit_logistic(rows: Floats, targets: Floats, weights: Floats, penalty: float) -> Floats:
    """Return (d + 1, k) weights, the last row being the bias, which is not penalised.

    ``rows`` (n, d); ``targets`` (n, k) are probabilities, so that "not this label" can be said;
    ``weights`` (n,) are scaled to a mean of one. Minimises the weighted cross-entropy summed over
    rows plus ``penalty`` / 2 times the squared weights. Deterministic.
    """
    count, width = rows.shape
    classes = targets.shape[1]
    weights = weights * (count / weights.sum())
    target = targets * weights[:, None]

    def loss(flat: Floats) -> tuple[float, Floats]:
        matrix = flat.reshape(width + 1, classes)
        scores = rows @ matrix[:-1] + matrix[-1]
        logs = log_softmax(scores, axis=1)
        error = np.exp(logs) * weights[:, None] - target
        slope = np.vstack([rows.T @ error + penalty * matrix[:-1], error.sum(axis=0)])
        value = -(target * logs).sum() + penalty / 2 * (matrix[:-1] ** 2).sum()
        return float(value), slope.ravel()

    start = np.zeros((width + 1) * classes)
    options = {"maxiter": 200, "ftol": 1e-7}
    fitted = minimize(loss, start, jac=True, method="L-BFGS-B", options=options)
    matrix: Floats = fitted.x.reshape(width + 1, classes)
    return matrix


def fit_temperature(scores: Floats, targets: Floats, weights: Floats, prior: float = 0.0) -> float:
    """Return the divisor of ``scores`` (n, k) with the least cross-entropy: 0.05 to 20.

    Guo et al., On calibration of modern neural networks, ICML (2017). ``prior`` is the weight of the
    squared logarithm of the divisor, in items: without it, a few items that are all answered rightly
    would ask for certainty. ``CAUTION`` stands for a standard deviation of one half.
    """

    def loss(log_temperature: float) -> float:
        logs = log_softmax(scores / np.exp(log_temperature), axis=1)
        return float(-(weights[:, None] * targets * logs).sum() + prior * log_temperature**2)

    fitted = minimize_scalar(loss, bounds=(np.log(0.05), np.log(20.0)), method="bounded")
    return float(np.exp(fitted.x))


def probabilities(scores: Floats, temperature: float) -> Floats:
    """Return the softmax of ``scores`` (n, k) divided by the temperature."""
    shares: Floats = softmax(scores / temperature, axis=1)
    return shares
