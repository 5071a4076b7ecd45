"""Conformal prediction on an earlier model: label sets with guaranteed coverage, singletons reported."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Context, DataError, Dataset, Evaluation
from ml.evaluation.bootstrap import estimate, estimate_share, resample_units
from ml.evaluation.conformal import conformal_limit, coverage, label_sets
from ml.messages import Message
from ml.methods.bases.patch_recipe import PatchPredictions, Weights
from ml.methods.bases.wrapping_recipe import WrappingRecipe
from ml.methods.combining.conformal.info import INFO, ConformalConfig
from ml.training.logistic import CAUTION, fit_temperature, probabilities

LEAST = 1e-12
HALF = 2


class Conformal(WrappingRecipe[ConformalConfig]):
    """Temperature fitted on one half of the held-out units, the limit of the sets on the other."""

    info = INFO

    _limit = 0.0

    def adjust(self, dataset: Dataset, context: Context) -> None:
        """Calibrate on the validation part; raises DataError(``too_few``) for less than two units."""
        known = self.gather(dataset, context, ("validation",))
        sure = known.truth >= 0
        known = known.take(sure)
        names, member = np.unique(known.units, return_inverse=True)
        if len(names) < HALF:
            message = Message(
                "too_few_for_sets",
            )
            raise DataError(message, code="too_few")
        first = np.isin(member, np.random.default_rng(context.seed).permutation(len(names))[::HALF])
        scores = np.log(np.maximum(self.inner.judge_pixels(known.rows), LEAST))
        weights = np.ones(len(known.rows))
        self.temperature = fit_temperature(scores[first], known.targets[first], weights[first], CAUTION)
        calibrated = probabilities(scores[~first], self.temperature)
        self._limit = conformal_limit(known.truth[~first], calibrated, self.config.error)
        self.facts |= {"calibrated_on": int((~first).sum()), "limit": self._limit}

    def judge(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Return calibrated probabilities (n, k)."""
        scores = np.log(np.maximum(self.inner.judge_pixels(rows), LEAST))
        return probabilities(scores, self.temperature)

    def judged(self, indices: NDArray[np.intp], pixels: NDArray[Any]) -> PatchPredictions:
        """Return predictions; the uncertainty is the size of the set, and only single labels are reported."""
        probability = self.judge(pixels)
        size = label_sets(probability, self._limit).sum(axis=1)
        # An empty set is as much a question as a full one.
        doubt = np.where(size == 0, 1.0, (size - 1) / max(1, probability.shape[1] - 1))
        return PatchPredictions(indices, probability, doubt.astype(np.float32), size == 1)

    def evaluate(self, dataset: Dataset, context: Context, part: str = "test") -> Evaluation:
        """Measure as any classifier, with coverage and size of the sets and the share of single labels."""
        evaluation = super().evaluate(dataset, context, part)
        truth, probability = (
            evaluation.outcomes["truth"],
            evaluation.outcomes["probability"].astype(np.float64),
        )
        sets = label_sets(probability, self._limit)
        columns = {
            "coverage": coverage(truth, sets).astype(np.float64),
            "set_size": sets.sum(axis=1).astype(np.float64),
            "single_share": (sets.sum(axis=1) == 1).astype(np.float64),
        }
        weights = resample_units(evaluation.outcomes["unit"], context.seed)
        units = len(np.unique(evaluation.outcomes["unit"]))
        means = {
            name: estimate(drawn) if name == "set_size" else estimate_share(drawn, units)
            for name, drawn in ((name, weights @ row / weights.sum(axis=1)) for name, row in columns.items())
        }
        return dataclasses.replace(evaluation, metrics={**evaluation.metrics, **means})

    def _weights(self) -> Weights:
        return {"limit": np.array([self._limit], dtype=np.float64)}

    def restore(self, weights: Weights) -> None:
        """Restore saved arrays."""
        self._limit = float(weights["limit"][0])
