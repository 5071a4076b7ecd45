"""Labelled items of a dataset as one table, and their weights in a loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

HELD_OUT: Final = 0.2


@dataclass(frozen=True, slots=True)
class TrainingTable:
    """All labelled items of some parts, as one table; ``rows`` (n, ...) are the inputs of a classifier.

    ``targets`` float64 (n, k) are probabilities over the classes. ``truth`` int16 (n,) is the class, or -1
    where it is not certain. ``weights`` are float64 (n,). ``units`` (n,) names what a split keeps together.
    """

    rows: NDArray[Any]
    targets: NDArray[np.float64]
    truth: NDArray[np.int16]
    weights: NDArray[np.float64]
    units: NDArray[np.str_]

    def take(self, which: NDArray[Any]) -> TrainingTable:
        """Return the items at these indices, or of a mask."""
        return TrainingTable(
            self.rows[which],
            self.targets[which],
            self.truth[which],
            self.weights[which],
            self.units[which],
        )


def join_tables(tables: Sequence[TrainingTable]) -> TrainingTable:
    """Return one table of all."""
    return TrainingTable(
        np.concatenate([table.rows for table in tables]),
        np.concatenate([table.targets for table in tables]),
        np.concatenate([table.truth for table in tables]),
        np.concatenate([table.weights for table in tables]),
        np.concatenate([table.units for table in tables]),
    )


def class_balance(known: TrainingTable) -> NDArray[np.float64]:
    """Return class-balancing weights n / (k n_k)."""
    mass = (known.targets * known.weights[:, None]).sum(axis=0)
    per_class = np.divide(mass.sum(), len(mass) * mass, out=np.zeros_like(mass), where=mass > 0)
    weights: NDArray[np.float64] = (known.targets @ per_class) * known.weights
    return weights


def hold_out(learned: TrainingTable, seed: int) -> tuple[TrainingTable, TrainingTable]:
    """Return (kept, a fifth): by unit where there are enough, else by item."""
    random = np.random.default_rng(seed)
    names, member = np.unique(learned.units, return_inverse=True)
    if len(names) * HELD_OUT < 1:
        member = np.arange(len(learned.units))
    order = random.permutation(int(member.max()) + 1)
    held = np.isin(member, order[: max(1, round(len(order) * HELD_OUT))])
    return learned.take(~held), learned.take(held)
