"""Claim of ``wt``."""

from __future__ import annotations

from pathlib import Path

from ml.claims import phantom_bags as made
from ml.claims.harness import Pair, claim
from ml.claims.slides import AREA, Config, compare


@claim(
    "wt",
    method="wt",
    baseline="gated attention on the same tokens",
    metric=AREA,
    data="phantom bags of 8 x 8 tiles with tissue types, one type in the upper or the lower half",
    says="beats attention where tissue types and their places matter",
)
def _wt(seed: int, scratch: Path) -> Pair:
    rest: Config = {"layers": 2, "learning_rate": 1e-3}
    return compare(made.upper_or_lower, seed, scratch, ("abmil", {}), ("wt", rest), learn=120)
