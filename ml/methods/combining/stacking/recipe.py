"""Stacking: logistic regression on out-of-fold predictions of several models."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Context, DataError, Dataset
from ml.data.patches import part_of
from ml.data.split import unit_labels
from ml.data.training_table import class_balance, join_tables
from ml.features.patch_sampler import PatchSampler, Sampler, take_classes
from ml.inference.patch_predictions import PatchPredictions, predictions_of
from ml.messages import Message
from ml.methods.bases.members import LEAST, MemberReader, Members, parse_members, refuse_pixels
from ml.methods.bases.patch_recipe import PatchParts, PatchRecipe
from ml.methods.combining.stacking.info import INFO, StackingConfig
from ml.slides.grid import GridSettings
from ml.storage.model_state import Weights
from ml.training.logistic import CAUTION, fit_logistic, fit_temperature, probabilities

FOLD = "fold"


class Stacking(PatchRecipe[StackingConfig]):
    """Wolpert, Neural Networks 5:241 (1992). Members are recipes, as they are trained once per fold."""

    info = INFO
    combines = True

    @classmethod
    def build(cls, labels: Sequence[str], config: Mapping[str, Any]) -> Self:
        """Return an unfitted recipe; raises DataError(``bad_config``) for unknown members."""
        recipe = super().build(labels, config)
        recipe.members.check()
        return recipe

    def compose(self) -> PatchParts:
        """Return the members and a regression on their predictions."""
        self.members = Members(self.state, self.config)
        reader, predictor = MemberReader(self.members), StackingPredictor(self.members)
        sampler = PatchSampler(self.state, reader, self._grid)
        fitting = StackingFitting(predictor, sampler, self.config)
        return PatchParts(self._grid, reader, sampler, predictor, fitting, nested=self.members)

    def _grid(self) -> GridSettings:
        return self.config


class StackingPredictor:
    """A regression on the members' centred log-probabilities, with a temperature."""

    def __init__(self, members: Members) -> None:
        self.members = members
        self.matrix: NDArray[np.float64] | None = None

    def scores(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Return the scores (n, k) of the members' probabilities (n, members, k)."""
        matrix = self._fitted()
        scores: NDArray[np.float64] = _logs(rows) @ matrix[:-1] + matrix[-1]
        return scores

    def judge(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Return calibrated probabilities (n, k) for those of the members (n, members, k)."""
        return probabilities(self.scores(rows), self.members.state.temperature)

    def judge_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Raise DataError(``cannot_wrap``)."""
        refuse_pixels(self.members.state, pixels)

    def predictions(self, indices: NDArray[np.intp], rows: NDArray[Any]) -> PatchPredictions:
        """Return the predictions for some patches, with their entropy as uncertainty."""
        return predictions_of(indices, self.judge(rows))

    def ready(self, context: Context) -> None:
        """Move all members to the device of the context."""
        self.members.ready(context)

    def weights(self) -> Weights:
        """Return the matrix of the regression; raises DataError(``not_fitted``)."""
        return {"matrix": self._fitted()}

    def restore(self, weights: Weights) -> None:
        """Restore saved arrays."""
        self.matrix = weights["matrix"].astype(np.float64)

    def _fitted(self) -> NDArray[np.float64]:
        if self.matrix is None:
            raise DataError(Message("not_fitted"))
        return self.matrix


@dataclass(frozen=True)
class StackingFitting:
    """Trains the members on folds, the regression on out-of-fold predictions, then the members on all."""

    predictor: StackingPredictor
    sampler: Sampler
    config: StackingConfig

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train on the part ``train``; raises DataError for earlier models and for too few units."""
        predictor, members = self.predictor, self.predictor.members
        state = members.state
        take_classes(state, dataset, context)
        dealt = self._dealt(dataset, context)
        folds = self.config.folds
        tables = []
        for number in range(folds):
            out = {unit: FOLD for unit, fold in dealt.items() if fold == number}
            part = dataclasses.replace(dataset, parts={**dataset.parts, **out})
            inner = dataclasses.replace(context, scratch=context.scratch / f"fold-{number}")
            low = 0.8 * number / folds
            members.current = members.train(part, inner, low, low + 0.8 / folds)
            state.background = members.current[0].background
            tables.append(self.sampler.gather(part, context, (FOLD,)))
        known = join_tables(tables)
        balance = class_balance(known)
        predictor.matrix = fit_logistic(_logs(known.rows), known.targets, balance, self.config.penalty)
        scores = predictor.scores(known.rows)
        state.temperature = fit_temperature(scores, known.targets, balance, CAUTION)
        members.current = members.train(dataset, context, 0.8, 1.0)
        state.facts = {"patches": len(known.rows), "folds": folds}
        context.report(1.0, Message("learned"))

    def _dealt(self, dataset: Dataset, context: Context) -> dict[str, int]:
        """Return the fold of each training unit; raises DataError where there are too few."""
        if any(item.model for item in parse_members(self.config.members)):
            raise DataError(Message("stacking_trains_members"), code="bad_config")
        folds = self.config.folds
        units = [unit for unit in sorted(unit_labels(dataset)) if part_of(dataset, unit) == "train"]
        if len(units) < folds:
            message = Message("stacking_too_few", folds=folds, count=len(units))
            raise DataError(message, code="too_few")
        dealt = np.random.default_rng(context.seed).permutation(len(units)) % folds
        return {unit: int(fold) for unit, fold in zip(units, dealt, strict=True)}


def _logs(rows: NDArray[Any]) -> NDArray[np.float64]:
    """Return centred log-probabilities, side by side (n, members x k)."""
    logs = np.log(np.maximum(rows, LEAST)).clip(-10.0, 0.0)
    centred: NDArray[np.float64] = (logs - logs.mean(axis=2, keepdims=True)).reshape(len(rows), -1)
    return centred
