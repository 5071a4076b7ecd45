"""Selection of drawn tiles to learn from: Xue et al., HistoGAN, Medical Image Analysis 67 (2021)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def select_drawn(
    labels: NDArray[np.int64],
    probability: Floats,
    features: Floats,
    real: tuple[Floats, NDArray[np.int64]],
    *,
    least: float,
    quantile: float,
) -> NDArray[np.bool_]:
    """Return the drawn tiles (n,), as a mask, with the classifier's label and features close to real ones.

    ``probability`` (n, k) is of a classifier of real tiles; ``features`` (n, d) and ``real``, a pair of
    features and labels, are its features. A tile is near enough when its distance from the centre of its
    class is no greater than that ``quantile`` of the distances of real tiles of the class.
    """
    sure = probability[np.arange(len(labels)), labels] >= least
    near = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        own = real[0][real[1] == label]
        if not len(own):
            continue
        centre, spread = own.mean(axis=0), own.std(axis=0) + 1e-6
        usual = np.linalg.norm((own - centre) / spread, axis=1)
        inside = labels == label
        apart = np.linalg.norm((features[inside] - centre) / spread, axis=1)
        near[inside] = apart <= np.quantile(usual, quantile)
    chosen: NDArray[np.bool_] = sure & near
    return chosen
