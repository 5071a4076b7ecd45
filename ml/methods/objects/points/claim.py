"""Claims of ``points``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ml.claims.harness import Pair, claim
from ml.claims.objects import evaluated, plain_detections, test_size
from ml.evaluation.froc import best_threshold, counts_at, froc


@claim(
    "points-f1",
    method="points",
    baseline="maxima of smoothed haematoxylin, threshold by validation",
    metric="F1 of points within 10 px",
    data="nuclei/dsb2018",
    says="finds nuclei better than the maxima of haematoxylin",
)
def measure_points(seed: int, scratch: Path) -> Pair:
    """Measure F1 of points after training on half of the crops; thresholds come from the validation part."""
    del scratch
    limit = best_threshold(plain_detections(seed, "validation", boxes=False))
    hits, extra, missed = counts_at(plain_detections(seed, "test", boxes=False), limit, 1).sum(axis=(0, 1))
    value = evaluated("points", "dsb2018", seed).metrics["f1"].value
    return Pair(2 * hits / (2 * hits + extra + missed), value, test_size("dsb2018"))


@claim(
    "points-froc",
    method="points",
    baseline="maxima of smoothed haematoxylin",
    metric="FROC, 1/4 to 8 false positives per image",
    data="nuclei/dsb2018",
    says="ranks nuclei better than the maxima of haematoxylin",
)
def measure_froc(seed: int, scratch: Path) -> Pair:
    """Measure FROC of the models of ``points-f1``."""
    del scratch
    plain = plain_detections(seed, "test", boxes=False)
    baseline = float(froc(plain, np.ones((1, len(plain))))[0])
    return Pair(baseline, evaluated("points", "dsb2018", seed).metrics["froc"].value, test_size("dsb2018"))
