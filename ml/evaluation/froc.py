"""Metrics of detections against the truth: greedy matching, FROC and average precision.

FROC: mean sensitivity at 1/4, 1/2, 1, 2, 4 and 8 false positives per image. Ehteshami Bejnordi et al., JAMA
318:2199 (2017). As there, objects can be left out of the measure, such as isolated tumour cells: whether they
are detected or not counts for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Matched:
    """The detections of one image: ``score`` (n,), ``hit`` (n,), ``label`` (n,); ``there`` int64 (k,)."""

    score: Floats
    hit: NDArray[np.bool_]
    label: NDArray[np.int16]
    there: NDArray[np.int64]


def match(
    score: NDArray[np.float32],
    label: NDArray[np.int16],
    truth: NDArray[np.int16],
    near: NDArray[np.float64],
    labels: int,
    *,
    left_out: NDArray[np.bool_] | None = None,
) -> Matched:
    """Return which detections match an object of their label, by decreasing score, each object once.

    ``near`` float64 (n, t) says how well a detection fits a truth; NaN or below 0 is no fit. ``truth`` (t,).
    Targets that are ``left_out`` (t,) do not count, nor do detections that hit nothing else.
    """
    hit, dropped = np.zeros(len(score), dtype=bool), np.zeros(len(score), dtype=bool)
    small = np.zeros(len(truth), dtype=bool) if left_out is None else left_out
    free = ~small
    for row in np.argsort(-score, kind="stable"):
        fit = np.where(free & (truth == label[row]), np.nan_to_num(near[row], nan=-1.0), -1.0)
        if len(fit) and fit.max() >= 0:
            hit[row] = True
            free[fit.argmax()] = False
        else:
            dropped[row] = bool((near[row][small & (truth == label[row])] >= 0).any())
    there = np.bincount(truth[~small], minlength=labels).astype(np.int64)
    return Matched(score[~dropped].astype(np.float64), hit[~dropped], label[~dropped], there)


def counts_at(images: Sequence[Matched], threshold: float, labels: int) -> Floats:
    """Return (n, k, 3) hits, extra and missed per image and label, of detections that reach a threshold."""
    counts = np.zeros((len(images), labels, 3))
    for row, image in zip(counts, images, strict=True):
        sure = image.score >= threshold
        row[:, 0] = np.bincount(image.label[sure & image.hit], minlength=labels)
        row[:, 1] = np.bincount(image.label[sure & ~image.hit], minlength=labels)
        row[:, 2] = image.there - row[:, 0]
    return counts


def froc(images: Sequence[Matched], weights: Floats) -> Floats:
    """Return the mean sensitivity over ``RATES`` (b,) under ``weights`` (b, n) of the images."""
    hits, false, there = _cumulated(images, weights)
    count = weights.sum(axis=1)
    hit = np.zeros(len(weights))
    for b in range(len(weights)):
        places = np.searchsorted(false[b], np.array(RATES) * count[b], side="right")
        hit[b] = np.concatenate([[0.0], hits[b]])[places].mean()
    return _share(hit, there)


def average_precision(images: Sequence[Matched], weights: Floats) -> Floats:
    """Return the area under precision over recall (b,), with precision made monotone from the right."""
    hits, false, there = _cumulated(images, weights)
    precision = np.divide(hits, hits + false, out=np.zeros_like(hits), where=hits + false > 0)
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    gained = np.diff(hits, axis=1, prepend=0.0)
    return _share((best * gained).sum(axis=1), there)


def best_threshold(images: Sequence[Matched]) -> float:
    """Return the score threshold with the best F1 over all images and labels; 0.5 without any hit."""
    hits, false, there = _cumulated(images, np.ones((1, len(images))))
    scores = np.sort(np.concatenate([image.score for image in images]))[::-1] if images else np.zeros(0)
    if not len(scores) or not hits.any():
        return 0.5
    f1 = 2 * hits[0] / (hits[0] + false[0] + there[0])
    return float(scores[f1.argmax()])


def _cumulated(images: Sequence[Matched], weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Return hits and false positives (b, n) by decreasing score, and the number of objects (b,)."""
    score = np.concatenate([image.score for image in images])
    hit = np.concatenate([image.hit for image in images])
    member = np.repeat(np.arange(len(images)), [len(image.score) for image in images])
    order = np.argsort(-score, kind="stable")
    drawn = weights[:, member[order]]
    there = weights @ np.array([image.there.sum() for image in images], dtype=np.float64)
    return (drawn * hit[order]).cumsum(axis=1), (drawn * ~hit[order]).cumsum(axis=1), there


def _share(part: Floats, whole: Floats) -> Floats:
    share: Floats = np.full(part.shape, np.nan)
    np.divide(part, whole, out=share, where=whole > 0)
    return share
