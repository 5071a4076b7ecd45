"""The uncertainty of probabilities as their entropy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def entropy_share(probability: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Return the entropy (n,) of (n, k) probabilities as a share of the greatest, 0..1."""
    classes = probability.shape[1]
    if classes == 1:
        return np.zeros(len(probability), dtype=np.float32)
    safe = np.clip(probability, 1e-12, 1.0)
    share = -(probability * np.log(safe)).sum(axis=1) / np.log(classes)
    clipped: NDArray[np.float32] = np.clip(share, 0.0, 1.0).astype(np.float32)
    return clipped
