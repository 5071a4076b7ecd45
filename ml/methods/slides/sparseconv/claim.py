"""Claim of ``sparseconv``."""

from __future__ import annotations

from pathlib import Path

from ml.claims import phantom_bags as made
from ml.claims.harness import Pair, claim
from ml.claims.slides import AREA, compare


@claim(
    "sparseconv",
    method="sparseconv",
    baseline="gated attention",
    metric=AREA,
    data="phantom bags of 16 x 16 tiles, nine of another kind together or scattered",
    says="beats attention where it matters which tiles lie together",
)
def _sparseconv(seed: int, scratch: Path) -> Pair:
    return compare(made.together_or_apart, seed, scratch, ("abmil", {}), ("sparseconv", {"pool": "max"}))
