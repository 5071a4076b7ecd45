"""Metrics of model versions: measured on held-out labels, stored as JSON, compared pair by pair."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from ml.contracts import Context, DataError, Dataset, Estimate, Evaluation, Recipe, Settings
from ml.evaluation.classification import evaluate_classes
from ml.evaluation.comparison import compare
from ml.messages import Message
from server.learning.rounds.prognosis import survival_of
from server.registry.models import Comparison

# Metrics of which less is better.
LOSSES: Final = frozenset({"nll", "brier", "ece"})
# What decides, by task: the first that both versions have.
DECIDING: Final = ("balanced_accuracy", "f1", "auc", "dice", "accuracy")


def measure(
    recipe: Recipe[Settings], labels: Sequence[str], dataset: Dataset, context: Context
) -> Evaluation:
    """Evaluate a fitted recipe on the held-out part, for the labels that it knows."""
    return recipe.evaluate(replace(dataset, labels=tuple(labels)), context)


def metrics_of(evaluation: Evaluation, split_by: str) -> dict[str, Any]:
    """Return an evaluation as JSON; undefined values are null."""
    confusion = evaluation.confusion
    return {
        "count": evaluation.count,
        "units": len(np.unique(evaluation.outcomes["unit"])) if "unit" in evaluation.outcomes else None,
        "labels": list(evaluation.labels),
        "values": {name: _plain(value) for name, value in evaluation.metrics.items()},
        "confusion": None if confusion is None else confusion.astype(int).tolist(),
        "reliability": [[float(a), float(b), int(n)] for a, b, n in evaluation.reliability],
        "survival": survival_of(evaluation),
        "part": "test",
        "split_by": split_by,
    }


def compare_evaluations(
    this: Evaluation, other: Evaluation, seed: int
) -> tuple[list[dict[str, Any]], int, str]:
    """Return rows of metrics, the number of items behind them, and the recommendation on ``this``.

    Raises DataError(``not_comparable``) when the two have too little in common.
    """
    if "probability" in this.outcomes:
        this, other = _on_common_labels(this, other, seed)
    differences = compare(other, this, seed)
    rows = [
        {
            "name": name,
            "unit": "",
            "this": _plain(this.metrics[name]),
            "other": _plain(other.metrics[name]),
            "difference": _plain(difference),
        }
        for name, difference in differences.items()
        if name in this.metrics and name in other.metrics
    ]
    return rows, this.count, _recommend(differences)


def _on_common_labels(this: Evaluation, other: Evaluation, seed: int) -> tuple[Evaluation, Evaluation]:
    common = tuple(label for label in this.labels if label in other.labels)
    if len(common) < 2:  # noqa: PLR2004 - one against another
        message = Message(
            "no_labels_in_common",
        )
        raise DataError(message, code="not_comparable")
    return _restrict(this, common, seed), _restrict(other, common, seed)


def _restrict(evaluation: Evaluation, labels: tuple[str, ...], seed: int) -> Evaluation:
    """Return an evaluation restricted to items of some labels and to those labels."""
    columns = [evaluation.labels.index(label) for label in labels]
    truth = np.asarray(evaluation.outcomes["truth"])
    keep = np.isin(truth, columns)
    place = np.full(len(evaluation.labels), -1, dtype=np.int16)
    place[columns] = np.arange(len(columns))
    probability = np.asarray(evaluation.outcomes["probability"])[keep][:, columns].astype(np.float64)
    total = probability.sum(axis=1, keepdims=True)
    shares = np.where(total > 0, probability / np.maximum(total, 1e-12), 1 / len(columns))
    return evaluate_classes(
        labels,
        place[truth[keep]],
        shares.astype(np.float32),
        np.asarray(evaluation.outcomes["unit"])[keep],
        seed,
    )


def _recommend(differences: Mapping[str, Estimate]) -> str:
    """Return the recommendation by the interval of the deciding metric; a person decides."""
    for name in DECIDING:
        difference = differences.get(name)
        if difference is None or math.isnan(difference.value):
            continue
        if difference.low > 0:
            return Comparison.Recommendation.PROMOTE.value
        if difference.high < 0:
            return Comparison.Recommendation.KEEP.value
        break
    return Comparison.Recommendation.UNCLEAR.value


def _plain(estimate: Estimate) -> dict[str, float | None]:
    values = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
    return {name: None if math.isnan(value) else float(value) for name, value in values.items()}
