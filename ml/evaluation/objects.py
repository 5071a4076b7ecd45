"""Metrics of outlined objects: Dice, AJI, F1 at an overlap of one half, panoptic quality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Evaluation
from ml.evaluation.bootstrap import count_units, estimate_share, resample_units

MEASURES = ("dice", "aji", "f1", "pq")
HALF = 0.5


def measure_image(truth: NDArray[np.int32], predicted: NDArray[np.int32]) -> dict[str, float]:
    """Return the measures of one image from two instance label images, 0 being background.

    AJI: Kumar et al., IEEE TMI 36(7):1550 (2017). PQ: Kirillov et al., CVPR (2019). Each is NaN
    when neither image holds an object.
    """
    overlap, true_area, found_area = _overlaps(truth, predicted)
    if not len(true_area) and not len(found_area):
        return dict.fromkeys(MEASURES, float("nan"))
    total = true_area.sum() + found_area.sum()
    union = true_area[:, None] + found_area[None, :] - overlap
    ratio = overlap / np.maximum(union, 1)
    matched = ratio > HALF
    hits = int(matched.sum())
    objects = len(true_area) + len(found_area)
    return {
        "dice": float(2 * overlap.sum() / total),
        "aji": _aggregated_jaccard(overlap, union, ratio, true_area, found_area),
        "f1": 2 * hits / objects,
        "pq": 2 * float(ratio[matched].sum()) / objects,
    }


def evaluate_objects(
    labels: Sequence[str],
    measures: Mapping[str, NDArray[np.float64]],
    unit: NDArray[np.str_],
    count: int,
    seed: int = 0,
) -> Evaluation:
    """Return the mean over images of ``measures`` (n,) each; ``count`` is the number of objects."""
    means = mean_measures(measures, resample_units(unit, seed))
    return Evaluation(
        labels=tuple(labels),
        metrics={
            name: estimate_share(values, count_units(unit, ~np.isnan(measures[name])))
            for name, values in means.items()
        },
        count=count,
        outcomes={**measures, "unit": unit},
    )


def mean_measures(
    measures: Mapping[str, NDArray[np.float64]], weights: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Return the weighted mean (b,) of each measure over the images where it is defined."""
    means = {}
    for name, values in measures.items():
        known = ~np.isnan(values)
        part = weights[:, known]
        total = part.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            means[name] = np.where(total > 0, part @ values[known] / total, np.nan)
    return means


def _overlaps(
    truth: NDArray[np.int32], predicted: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return common pixels (t, f) and areas (t,), (f,), without background."""
    _, rows = np.unique(np.append(truth.ravel(), 0), return_inverse=True)
    _, columns = np.unique(np.append(predicted.ravel(), 0), return_inverse=True)
    height, width = int(rows.max()) + 1, int(columns.max()) + 1
    counts = np.bincount(rows[:-1] * width + columns[:-1], minlength=height * width)
    table = counts.reshape(height, width)
    return table[1:, 1:], table[1:].sum(axis=1), table[:, 1:].sum(axis=0)


def _aggregated_jaccard(
    overlap: NDArray[np.int64],
    union: NDArray[np.int64],
    ratio: NDArray[np.float64],
    true_area: NDArray[np.int64],
    found_area: NDArray[np.int64],
) -> float:
    if not len(true_area) or not len(found_area):
        return 0.0
    best = ratio.argmax(axis=1)
    rows = np.arange(len(true_area))
    touched = ratio[rows, best] > 0
    common = overlap[rows, best][touched].sum()
    joined = union[rows, best][touched].sum() + true_area[~touched].sum()
    unused = np.ones(len(found_area), dtype=bool)
    unused[best[touched]] = False
    return float(common / (joined + found_area[unused].sum()))
