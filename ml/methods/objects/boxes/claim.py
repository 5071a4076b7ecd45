"""Claim of ``boxes``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ml.claims.harness import Pair, claim
from ml.claims.objects import evaluated, plain_detections, test_size
from ml.evaluation.froc import average_precision


@claim(
    "boxes-ap",
    method="boxes",
    baseline="boxes around connected dark areas, by their darkness",
    metric="average precision at an overlap of one half",
    data="nuclei/dsb2018",
    says="draws boxes around nuclei better than connected dark areas do",
)
def measure_boxes(seed: int, scratch: Path) -> Pair:
    """Measure the average precision of boxes after training on half of the crops."""
    del scratch
    plain = plain_detections(seed, "test", boxes=True)
    baseline = float(average_precision(plain, np.ones((1, len(plain))))[0])
    value = evaluated("boxes", "dsb2018", seed).metrics["average_precision"].value
    return Pair(baseline, value, test_size("dsb2018"))
