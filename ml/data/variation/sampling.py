"""Sampling orders that balance rare classes and small slides."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def balanced_order(
    classes: NDArray[np.int64], units: NDArray[np.str_] | None, random: np.random.Generator
) -> NDArray[np.intp]:
    """Return n indices into ``classes`` (n,), drawn so that every class is equally likely.

    With ``units`` (n,), the slides or cases, every unit of a class is equally likely as well.
    """
    share = 1.0 / np.bincount(classes)[classes]
    if units is not None:
        pairs = np.char.add(np.char.add(classes.astype(str), " "), units)
        _, member, count = np.unique(pairs, return_inverse=True, return_counts=True)
        within = np.bincount(classes[np.unique(member, return_index=True)[1]])
        share = 1.0 / (count[member] * within[classes])
    return random.choice(len(classes), len(classes), p=share / share.sum()).astype(np.intp)
