"""Barcode: the histogram of tile clusters in a slide, under logistic regression."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from ml.contracts import Context, DataError
from ml.data.bags import UNKNOWN, Bag, class_weights, labels_of
from ml.inference.bag_predictor import BagPrediction, check_width
from ml.inference.bag_reader import scales_of
from ml.messages import Message
from ml.methods.bases.bag_recipe import BagParts, BagRecipe
from ml.methods.slides.barcode.info import INFO, BarcodeConfig
from ml.storage.model_state import ModelState, Weights
from ml.training.bag_target import LabelTarget
from ml.training.bag_trainer import scale_of
from ml.training.logistic import fit_logistic

MOST_TILES: Final = 20_000
STARTS: Final = 3
Floats = NDArray[np.float64]


class Barcode(BagRecipe[BarcodeConfig]):
    """k-means of tile features; a slide is the histogram of its tiles, under logistic regression.

    The barcode of D'Amato, Szostak and Torben-Nielsen, Frontiers in Medicine (2022): one part per
    magnification, each with kinds of its own. The regression uses square roots of the shares.
    """

    info = INFO

    def compose(self) -> BagParts:
        """Return a histogram of clusters under logistic regression."""
        code = ClusterCode(self.state, self.config)
        return BagParts(LabelTarget(self.state), code, code)


class ClusterCode:
    """The clusters of tiles and the regression on their shares; it learns, and predicts."""

    def __init__(self, state: ModelState, config: BarcodeConfig) -> None:
        self._state, self._config = state, config
        self._arrays: Weights = {}

    def learn(self, learned: Sequence[Bag], held: Sequence[Bag], context: Context) -> None:
        """Find the clusters of the training tiles, and fit the regression."""
        del held
        mean, spread = scale_of(learned)
        self._arrays = {"mean": mean, "spread": spread}
        random = np.random.default_rng(context.seed)
        each = max(1, MOST_TILES // len(learned))
        tiles = np.concatenate([self._scaled(bag.sample(each, random).features) for bag in learned])
        for number, block in enumerate(self._blocks(tiles)):
            context.report(0.3 + 0.5 * number / len(self._scales), Message("finding_kinds"))
            self._arrays[f"centres.{number}"] = self._centres(block, context.seed)
        known = [bag for bag in learned if bag.label != UNKNOWN]
        rows = np.stack([self._code(self._kinds(bag)) for bag in known])
        truth = labels_of(known)
        weights = class_weights(truth, len(self._state.labels))
        targets = np.eye(len(self._state.labels))[truth]
        self._arrays["matrix"] = fit_logistic(rows, targets, weights, self._config.penalty)

    @property
    def _scales(self) -> tuple[int, ...]:
        return scales_of(self._config.scales)

    def _centres(self, block: Floats, seed: int) -> Floats:
        count = min(self._config.clusters, len(block))
        with warnings.catch_warnings():
            # Fewer different tiles than kinds: some kinds are then the same, which does no harm.
            warnings.simplefilter("ignore", ConvergenceWarning)
            centres: Floats = KMeans(count, n_init=STARTS, random_state=seed).fit(block).cluster_centers_
        return centres

    def judge(self, bag: Bag) -> BagPrediction:
        """Return the prediction for a bag; attention is a cluster's contribution to the likeliest label."""
        if "matrix" not in self._arrays:
            raise DataError(Message("not_fitted"))
        check_width(bag, len(self._arrays["mean"]))
        kinds, matrix = self._kinds(bag), self._arrays["matrix"]
        scores = self._code(kinds) @ matrix[:-1] + matrix[-1]
        leading = matrix[:-1, scores.argmax()] - matrix[:-1].mean(axis=1)
        starts = np.cumsum([0, *(len(self._arrays[f"centres.{n}"]) for n in range(len(kinds) - 1))])
        adds = sum(leading[start + kind] for start, kind in zip(starts, kinds, strict=True))
        return BagPrediction(scores, np.maximum(adds, 0.0).astype(np.float32))

    def _scaled(self, features: NDArray[np.float32]) -> Floats:
        rows = (features - self._arrays["mean"]) / self._arrays["spread"]
        scaled: Floats = np.clip(np.nan_to_num(rows, nan=0.0), -10, 10).astype(np.float64)
        return scaled

    def _blocks(self, rows: Floats) -> list[Floats]:
        """Return the features of each magnification; bags of other widths are one block."""
        count = len(self._scales)
        return np.split(rows, count, axis=1) if rows.shape[1] % count == 0 else [rows]

    def _kinds(self, bag: Bag) -> list[NDArray[np.intp]]:
        """Return by magnification the cluster (n,) of each tile."""
        kinds = []
        for number, block in enumerate(self._blocks(self._scaled(bag.features))):
            centres = self._arrays[f"centres.{number}"]
            apart = (centres**2).sum(axis=1) - 2 * block @ centres.T
            kinds.append(apart.argmin(axis=1))
        return kinds

    def _code(self, kinds: Sequence[NDArray[np.intp]]) -> Floats:
        parts = []
        for number, kind in enumerate(kinds):
            count = len(self._arrays[f"centres.{number}"])
            share = np.bincount(kind, minlength=count) / len(kind)
            parts.append(np.sqrt(share * count))
        return np.concatenate(parts)

    def ready(self, context: Context) -> None:
        """Move nothing: clusters stay on the CPU."""

    def weights(self) -> Weights:
        """Return the learned arrays; raises DataError(``not_fitted``)."""
        if "matrix" not in self._arrays:
            raise DataError(Message("not_fitted"))
        return dict(self._arrays)

    def restore(self, weights: Weights) -> None:
        """Restore saved arrays; raises KeyError or ValueError for other arrays."""
        kinds = sum(len(weights[f"centres.{number}"]) for number in range(len(self._scales)))
        shape, known = weights["matrix"].shape, (kinds + 1, len(self._state.labels))
        if shape != known:
            message = f"they are a matrix of {shape}, not of {known}"
            raise ValueError(message)
        self._arrays = {"mean": weights["mean"], "spread": weights["spread"], **weights}
