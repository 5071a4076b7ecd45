"""Comparison of combined models with their best member."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from ml.claims.harness import Pair
from ml.claims.tiles import context_of, fit
from ml.contracts import Dataset
from ml.data.training_table import TrainingTable
from ml.evaluation import weighted
from ml.methods.bases.members import MemberReader

PATCH: Final = {"patch": 112, "stride": 112}
MEMBERS: Final = "descriptors, convolutional(encoder=small; pixels=48; epochs=14; patience=14)"


def log_loss(probability: np.ndarray[tuple[int, int], np.dtype[np.float64]], known: TrainingTable) -> float:
    """Return the log-loss of probabilities (n, k)."""
    return float(weighted.log_loss(np.ones((1, len(known.truth))), known.truth, probability)[0])


def compare_with_best_member(name: str, seed: int, scratch: Path, data: Dataset) -> Pair:
    """Return the log-loss of the best member on the validation part, and that of the combination."""
    recipe = fit(name, data, scratch, seed, **PATCH, members=MEMBERS)
    if not isinstance(recipe.parts.reader, MemberReader):
        raise TypeError
    run = context_of(scratch, seed)
    held, test = (recipe.gather(data, run, (part,)) for part in ("validation", "test"))
    losses = [log_loss(held.rows[:, k], held) for k in range(len(recipe.parts.reader.members.current))]
    best = int(np.argmin(losses))
    return Pair(log_loss(test.rows[:, best], test), log_loss(recipe.judge(test.rows), test), len(test.rows))
