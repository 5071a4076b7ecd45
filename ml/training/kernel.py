"""Kernel classifier head: standardised rows, a Gaussian kernel by landmarks, logistic regression.

Nyström features: Williams and Seeger, NIPS (2000). The width of the kernel is the number of columns,
which is the mean squared distance of standardised rows up to a factor of two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ml.training.logistic import fit_logistic, fit_temperature

Floats = NDArray[np.float64]
LANDMARKS = 512
FOLDS = 5
CLIP = 5.0
# Features of this length keep the penalty's meaning alike for both kernels.
LENGTH = 10.0
SMALLEST = 1e-6
# Fewer rows than this say nothing about calibration.
LEAST_ROWS = 20


@dataclass(frozen=True, slots=True)
class KernelHead:
    """``landmarks`` (m, d) and ``projection`` (m, r) are empty for the linear kernel."""

    mean: Floats
    spread: Floats
    landmarks: Floats
    projection: Floats
    matrix: Floats

    def scores(self, rows: Floats) -> Floats:
        """Return (n, k) scores before softmax and temperature for (n, d) rows."""
        scores: Floats = self.lift(rows) @ self.matrix[:-1] + self.matrix[-1]
        return scores

    def lift(self, rows: Floats) -> Floats:
        """Return the features in which the head is linear."""
        plain: Floats = np.clip((rows - self.mean) / self.spread, -CLIP, CLIP)
        if not len(self.landmarks):
            scaled: Floats = plain * (LENGTH / np.sqrt(plain.shape[1]))
            return scaled
        lifted: Floats = _similarity(plain, self.landmarks) @ self.projection
        return lifted

    def check(self, columns: int, classes: int) -> None:
        """Raise ValueError unless the arrays match each other, rows of ``columns``, and ``classes``."""
        known = self.scores(np.zeros((1, columns))).shape
        if known != (1, classes):
            message = f"they know {known[-1]} classes, not {classes}"
            raise ValueError(message)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays to save."""
        return {
            "mean": self.mean,
            "spread": self.spread,
            "landmarks": self.landmarks,
            "projection": self.projection,
            "matrix": self.matrix,
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Self:
        """Return the head of saved ``arrays``; raises KeyError for a missing one."""
        names = ("mean", "spread", "landmarks", "projection", "matrix")
        return cls(*(arrays[name] for name in names))


def fit_head(
    rows: Floats,
    targets: Floats,
    weights: Floats,
    units: NDArray[np.str_],
    *,
    penalty: float,
    kernel: str,
    seed: int,
) -> tuple[KernelHead, float]:
    """Return the head and its temperature.

    The temperature comes from scores of rows that the head of a fold never saw, with whole units
    held out wherever there are enough; it is 1 when there are too few rows. Classes weigh the same
    however many examples they have.
    """
    random = np.random.default_rng(seed)
    balanced = weights * _class_weights(targets, weights)
    head = _prepare_head(rows, kernel, random)
    basis, features = _compressed(head.lift(rows))
    matrix = fit_logistic(features, targets, balanced, penalty)
    folds = _folds(units, random)
    scores = np.zeros_like(targets)
    seen = np.zeros(len(rows), dtype=bool)
    if len(rows) >= LEAST_ROWS:
        for number in range(FOLDS):
            held, kept = folds == number, folds != number
            if not held.any() or not (targets[kept].sum(axis=0) > 0).all():
                continue
            part = fit_logistic(features[kept], targets[kept], balanced[kept], penalty)
            scores[held] = features[held] @ part[:-1] + part[-1]
            seen |= held
    temperature = fit_temperature(scores[seen], targets[seen], balanced[seen]) if seen.any() else 1.0
    if basis is not None:
        matrix = np.vstack([basis @ matrix[:-1], matrix[-1]])
    fitted = KernelHead(head.mean, head.spread, head.landmarks, head.projection, matrix)
    return fitted, temperature


def _compressed(features: Floats) -> tuple[Floats | None, Floats]:
    """Return a basis (d, n) of fewer rows than columns and their coordinates (n, n); None for more rows.

    Weights with the least squares lie in the span of the rows, so that the same head is fitted in it, faster.
    """
    if len(features) >= features.shape[1]:
        return None, features
    basis, triangle = np.linalg.qr(features.T)
    coordinates: Floats = np.ascontiguousarray(triangle.T)
    return basis, coordinates


def _prepare_head(rows: Floats, kernel: str, random: np.random.Generator) -> KernelHead:
    mean, spread = rows.mean(axis=0), rows.std(axis=0) + SMALLEST
    none = np.zeros((0, 0))
    if kernel == "linear":
        return KernelHead(mean, spread, none, none, none)
    chosen = np.sort(random.permutation(len(rows))[:LANDMARKS])
    landmarks = np.clip((rows[chosen] - mean) / spread, -CLIP, CLIP)
    values, vectors = np.linalg.eigh(_similarity(landmarks, landmarks))
    strong = values > SMALLEST
    projection = LENGTH * vectors[:, strong] / np.sqrt(values[strong])
    return KernelHead(mean, spread, landmarks, projection, none)


def _similarity(rows: Floats, landmarks: Floats) -> Floats:
    apart = (rows**2).sum(axis=1)[:, None] + (landmarks**2).sum(axis=1) - 2 * rows @ landmarks.T
    near: Floats = np.exp(-np.maximum(apart, 0.0) / rows.shape[1])
    return near


def _class_weights(targets: Floats, weights: Floats) -> Floats:
    mass = (targets * weights[:, None]).sum(axis=0)
    per_class = np.divide(mass.sum(), mass * len(mass), out=np.zeros_like(mass), where=mass > 0)
    mixed: Floats = targets @ per_class
    return mixed


def _folds(units: NDArray[np.str_], random: np.random.Generator) -> NDArray[np.int64]:
    """Return the fold (n,) of each row: by unit where there are enough of them, else by row."""
    names, member = np.unique(units, return_inverse=True)
    if len(names) < FOLDS:
        return random.permutation(len(units)) % FOLDS
    fold: NDArray[np.int64] = (random.permutation(len(names)) % FOLDS)[member]
    return fold
