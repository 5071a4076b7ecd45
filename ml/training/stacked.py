"""A stacked ensemble for tables of few rows: several learners, and one that combines them.

Wolpert, Stacked generalization, Neural Networks 5:241 (1992).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier, StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from ml.contracts import DataError
from ml.messages import Message

FOLDS: Final = 5


def stacked(seed: int) -> Any:
    """Return an unfitted ensemble of trees, neighbours, a kernel machine and a line."""
    members = [
        ("trees", ExtraTreesClassifier(100, random_state=seed)),
        ("near", KNeighborsClassifier(7)),
        ("kernel", SVC(random_state=seed)),
        ("line", LogisticRegression(max_iter=500)),
    ]
    ensemble = StackingClassifier(members, LogisticRegression(max_iter=500), cv=3)
    return make_pipeline(StandardScaler(), ensemble)


def cross_validated(
    rows: NDArray[np.float64], truth: NDArray[np.str_], unit: NDArray[np.str_], seed: int
) -> dict[str, str]:
    """Return the cross-validated class of each unit, by the vote of its rows.

    Raises DataError(``too_few_slides``) where a class has fewer than two units.
    """
    classes = {name: set(unit[truth == name].tolist()) for name in np.unique(truth).tolist()}
    least = min(len(members) for members in classes.values())
    if len(classes) < 2 or least < 2:  # noqa: PLR2004 - one to learn from and one to tell
        message = Message("grades_too_few")
        raise DataError(message, code="too_few_slides")
    folds = StratifiedGroupKFold(min(FOLDS, least), shuffle=True, random_state=seed)
    by_unit: dict[str, str] = {}
    for learned, held in folds.split(rows, truth, unit):
        model = stacked(seed).fit(rows[learned], truth[learned])
        votes = model.predict(rows[held])
        for name in np.unique(unit[held]).tolist():
            names, counts = np.unique(votes[unit[held] == name], return_counts=True)
            by_unit[name] = str(names[counts.argmax()])
    return by_unit
