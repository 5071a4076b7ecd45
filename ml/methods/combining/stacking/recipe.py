"""Stacking: logistic regression on out-of-fold predictions of several models."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Context, DataError, Dataset
from ml.data.patches import part_of
from ml.data.split import unit_labels
from ml.messages import Message
from ml.methods.bases.member_recipe import LEAST, MemberRecipe, parse_members
from ml.methods.bases.network_recipe import class_balance
from ml.methods.bases.patch_recipe import TrainingTable, Weights, join_tables
from ml.methods.combining.stacking.info import INFO, StackingConfig
from ml.training.logistic import CAUTION, fit_logistic, fit_temperature, probabilities

FOLD = "fold"


class Stacking(MemberRecipe[StackingConfig]):
    """Wolpert, Neural Networks 5:241 (1992). Members are recipes, as they are trained once per fold."""

    info = INFO

    _matrix: NDArray[np.float64] | None = None

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train the members on folds, the regression on out-of-fold predictions, then the members on all."""
        self._prepare(dataset, context)
        if any(item.model for item in parse_members(self.config.members)):
            message = Message(
                "stacking_trains_members",
            )
            raise DataError(message, code="bad_config")
        folds = self.config.folds
        units = np.array([unit for unit in sorted(unit_labels(dataset)) if part_of(dataset, unit) == "train"])
        if len(units) < folds:
            message = Message(
                "stacking_too_few",
                folds=folds,
                count=len(units),
            )
            raise DataError(message, code="too_few")
        dealt = np.random.default_rng(context.seed).permutation(len(units)) % folds
        tables = []
        for number in range(folds):
            out = {str(unit): FOLD for unit in units[dealt == number]}
            part = dataclasses.replace(dataset, parts={**dataset.parts, **out})
            inner = dataclasses.replace(context, scratch=context.scratch / f"fold-{number}")
            low = 0.8 * number / folds
            self.members = self.train_members(part, inner, low, low + 0.8 / folds)
            self.background = self.members[0].background
            tables.append(self._said(part, context))
        oof = join_tables(tables)
        self._matrix = fit_logistic(_logs(oof.rows), oof.targets, class_balance(oof), self.config.penalty)
        scores = self._scores(oof.rows)
        self.temperature = fit_temperature(scores, oof.targets, class_balance(oof), CAUTION)
        self.members = self.train_members(dataset, context, 0.8, 1.0)
        self.facts = {"patches": len(oof.rows), "folds": folds}
        context.report(1.0, Message("learned"))

    def _said(self, dataset: Dataset, context: Context) -> TrainingTable:
        return self.gather(dataset, context, (FOLD,))

    def _scores(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        if self._matrix is None:
            raise DataError(Message("not_fitted"))
        scores: NDArray[np.float64] = _logs(rows) @ self._matrix[:-1] + self._matrix[-1]
        return scores

    def judge(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Return calibrated probabilities (n, k) for those of the members (n, members, k)."""
        return probabilities(self._scores(rows), self.temperature)

    def _weights(self) -> Weights:
        if self._matrix is None:
            raise DataError(Message("not_fitted"))
        return {"matrix": self._matrix}

    def restore(self, weights: Weights) -> None:
        """Restore saved arrays."""
        self._matrix = weights["matrix"].astype(np.float64)


def _logs(rows: NDArray[Any]) -> NDArray[np.float64]:
    """Return centred log-probabilities, side by side (n, members x k)."""
    logs = np.log(np.maximum(rows, LEAST)).clip(-10.0, 0.0)
    centred: NDArray[np.float64] = (logs - logs.mean(axis=2, keepdims=True)).reshape(len(rows), -1)
    return centred
