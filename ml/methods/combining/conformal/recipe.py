"""Conformal prediction on an earlier model: label sets with guaranteed coverage, singletons reported."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Context, DataError, Dataset, Evaluation
from ml.evaluation.bootstrap import estimate, estimate_share, resample_units
from ml.evaluation.conformal import conformal_limit, coverage, label_sets
from ml.features.patch_sampler import PatchSampler
from ml.inference.patch_predictions import PatchPredictions
from ml.messages import Message
from ml.methods.bases.inner_model import InnerFitting, InnerModel, InnerReader
from ml.methods.bases.patch_recipe import PatchParts, PatchRecipe
from ml.methods.combining.conformal.info import INFO, ConformalConfig
from ml.storage.model_state import ModelState, Weights
from ml.training.logistic import CAUTION, fit_temperature, probabilities

LEAST = 1e-12
HALF = 2


class Conformal(PatchRecipe[ConformalConfig]):
    """Temperature fitted on one half of the held-out units, the limit of the sets on the other."""

    info = INFO

    def compose(self) -> PatchParts:
        """Return an earlier model with sets of labels around its probabilities."""
        state, inner = self.state, InnerModel()
        self._predictor = ConformalPredictor(state, inner)
        reader = InnerReader(inner)
        sampler = PatchSampler(state, reader, inner.grid)
        fitting = InnerFitting(state, inner, self.config.source, self._adjust)
        return PatchParts(inner.grid, reader, sampler, self._predictor, fitting, nested=inner)

    def _adjust(self, dataset: Dataset, context: Context) -> None:
        """Calibrate on the validation part; raises DataError(``too_few``) for less than two units."""
        known = self.gather(dataset, context, ("validation",))
        known = known.take(known.truth >= 0)
        names, member = np.unique(known.units, return_inverse=True)
        if len(names) < HALF:
            raise DataError(Message("too_few_for_sets"), code="too_few")
        first = np.isin(member, np.random.default_rng(context.seed).permutation(len(names))[::HALF])
        scores = self._predictor.scores(known.rows)
        weights = np.ones(len(known.rows))
        self.temperature = fit_temperature(scores[first], known.targets[first], weights[first], CAUTION)
        calibrated = probabilities(scores[~first], self.temperature)
        limit = conformal_limit(known.truth[~first], calibrated, self.config.error)
        self._predictor.limit = limit
        self.facts |= {"calibrated_on": int((~first).sum()), "limit": limit}

    def evaluate(self, dataset: Dataset, context: Context, part: str = "test") -> Evaluation:
        """Measure as any classifier, with coverage and size of the sets and the share of single labels."""
        evaluation = super().evaluate(dataset, context, part)
        truth, probability = (
            evaluation.outcomes["truth"],
            evaluation.outcomes["probability"].astype(np.float64),
        )
        sets = label_sets(probability, self._predictor.limit)
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


class ConformalPredictor:
    """Calibrated probabilities of the inner model, and sets of the labels that reach ``limit``."""

    def __init__(self, state: ModelState, inner: InnerModel) -> None:
        self._state, self.inner = state, inner
        self.limit = 0.0

    def scores(self, pixels: NDArray[Any]) -> NDArray[np.float64]:
        """Return the logarithms (n, k) of the inner model's probabilities."""
        scores: NDArray[np.float64] = np.log(np.maximum(self.inner.fitted().judge_pixels(pixels), LEAST))
        return scores

    def judge(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Return calibrated probabilities (n, k)."""
        return probabilities(self.scores(rows), self._state.temperature)

    def judge_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return calibrated probabilities (n, k)."""
        return self.judge(pixels)

    def predictions(self, indices: NDArray[np.intp], rows: NDArray[Any]) -> PatchPredictions:
        """Return predictions; the uncertainty is the size of the set, and only single labels are reported."""
        probability = self.judge(rows)
        size = label_sets(probability, self.limit).sum(axis=1)
        # An empty set is as much a question as a full one.
        doubt = np.where(size == 0, 1.0, (size - 1) / max(1, probability.shape[1] - 1))
        return PatchPredictions(indices, probability, doubt.astype(np.float32), size == 1)

    def ready(self, context: Context) -> None:
        """Move the inner model to the device of the context."""
        self.inner.fitted().ready(context)

    def weights(self) -> Weights:
        """Return the limit."""
        return {"limit": np.array([self.limit], dtype=np.float64)}

    def restore(self, weights: Weights) -> None:
        """Restore saved arrays."""
        self.limit = float(weights["limit"][0])
