"""Claim of ``simclr``."""

from __future__ import annotations

from pathlib import Path

from ml.claims.harness import Pair, claim
from ml.claims.unlabelled import BALANCED, FEW, compare_with_scratch


@claim(
    "simclr",
    method="simclr",
    baseline="the same network from scratch",
    metric=BALANCED,
    data=FEW,
    says="learning from tiles without labels beats scratch at 5 % of labels",
)
def _simclr(seed: int, scratch: Path) -> Pair:
    return compare_with_scratch("simclr", seed, scratch)
