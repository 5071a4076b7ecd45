"""Claim of ``cast``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ml.claims.harness import Pair, claim
from ml.claims.magnifications import NEAR, compare_joined


@claim(
    "cast-single",
    method="cast",
    baseline="the best single path",
    metric="accuracy",
    data="phantom of places whose label is spread over three magnifications",
    says="CAST with three magnifications beats its best single path",
)
def cast_single(seed: int, scratch: Path) -> Pair:
    """Measure the same transformer with one path on each view; the best is chosen on the validation part."""
    config: dict[str, Any] = {
        "pixels": 32, "patch": NEAR, "stride": NEAR, "epochs": 30, "patience": 30, "square": 8, "width": 32,
        "heads": 2, "stages": 1, "learning_rate": 2e-3,
    }  # fmt: skip
    configs = ({**config, "scales": 1}, {**config, "scales": 3})
    return compare_joined(seed, scratch, ("cast", "cast"), configs, "accuracy")
