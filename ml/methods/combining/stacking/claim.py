"""Claim of ``stacking``."""

from __future__ import annotations

from pathlib import Path

from ml.claims.combining import compare_with_best_member
from ml.claims.harness import Pair, claim
from ml.claims.tiles import colorectal


@claim(
    "stacking-member",
    method="stacking",
    baseline="its best member",
    metric="log-loss",
    data="tiles/colorectal, 3 labels, 390 to learn from",
    says="a regression on out-of-fold answers beats the better member",
    less=True,
)
def stacking_member(seed: int, scratch: Path) -> Pair:
    """Measure stacking; members are trained once per fold, then on the whole training part."""
    return compare_with_best_member(
        "stacking", seed, scratch, colorectal(seed, train=100, validation=30, test=100)
    )
