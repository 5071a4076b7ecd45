"""Metrics from counts per item of hits, extra and missed.

Items are images with their pixels, or with their objects; counts are summed over items before they are
divided, so that an image without anything still counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Evaluation
from ml.evaluation.bootstrap import count_units, estimate_share, resample_units

KINDS = ("hits", "extra", "missed")
Counts = NDArray[np.float64]


def evaluate_counts(
    labels: Sequence[str],
    counts: Counts,
    unit: NDArray[np.str_],
    count: int,
    *,
    seed: int = 0,
    more: Mapping[str, Counts] | None = None,
) -> Evaluation:
    """Return F1 (which is Dice), Jaccard, precision and recall, as means over labels and of each.

    ``counts`` (n, k, 3) are hits, extra and missed per item and label; ``count`` says how much was measured
    on. ``more`` are further metrics, each over the resamples (1 + b,) of ``resample_units(unit, seed)``.
    """
    outcomes: dict[str, NDArray[np.generic]] = {
        f"{kind}:{label}": counts[:, number, place]
        for number, label in enumerate(labels)
        for place, kind in enumerate(KINDS)
    }
    outcomes["unit"] = unit
    metrics = count_metrics(labels, outcomes, resample_units(unit, seed))
    metrics.update(more or {})
    units = {
        label: count_units(unit, counts[:, number].sum(axis=1) > 0) for number, label in enumerate(labels)
    }
    fewest = min(units.values(), default=0)
    return Evaluation(
        labels=tuple(labels),
        metrics={
            name: estimate_share(values, units.get(name.partition(":")[2], fewest))
            for name, values in metrics.items()
        },
        count=count,
        outcomes=outcomes,
    )


def count_metrics(
    labels: Sequence[str], outcomes: Mapping[str, NDArray[np.generic]], weights: Counts
) -> dict[str, Counts]:
    """Return each metric (b,) under ``weights`` (b, n); NaN where neither truth nor prediction is present."""
    metrics: dict[str, list[Counts]] = {name: [] for name in ("f1", "jaccard", "precision", "recall")}
    for label in labels:
        hits, extra, missed = (weights @ outcomes[f"{kind}:{label}"].astype(np.float64) for kind in KINDS)
        metrics["f1"].append(_share(2 * hits, 2 * hits + extra + missed))
        metrics["jaccard"].append(_share(hits, hits + extra + missed))
        metrics["precision"].append(_share(hits, hits + extra))
        metrics["recall"].append(_share(hits, hits + missed))
    means = {name: _mean_of_known(np.stack(values)) for name, values in metrics.items()}
    if len(labels) == 1:
        return means
    single = {
        f"{name}:{label}": values
        for name, rows in metrics.items()
        for label, values in zip(labels, rows, strict=True)
    }
    return {**means, **single}


def pixel_counts(truth: NDArray[np.uint8], predicted: NDArray[np.uint8], labels: int, unknown: int) -> Counts:
    """Return (k, 3) hits, extra and missed pixels of each label; classes are 0 background, 1.. labels."""
    known = truth != unknown
    rows = []
    for number in range(1, labels + 1):
        real, seen = (truth == number) & known, (predicted == number) & known
        rows.append([(real & seen).sum(), (seen & ~real).sum(), (real & ~seen).sum()])
    return np.array(rows, dtype=np.float64)


def _share(part: Counts, whole: Counts) -> Counts:
    share: Counts = np.full(part.shape, np.nan)
    np.divide(part, whole, out=share, where=whole > 0)
    return share


def _mean_of_known(values: Counts) -> Counts:
    known = ~np.isnan(values)
    return _share(np.where(known, values, 0.0).sum(axis=0), known.sum(axis=0).astype(np.float64))
