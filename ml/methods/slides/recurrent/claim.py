"""Claim of ``recurrent``."""

from __future__ import annotations

from pathlib import Path

from ml.claims import phantom_bags as made
from ml.claims.harness import Pair, claim
from ml.claims.slides import AREA, compare


@claim(
    "recurrent",
    method="recurrent",
    baseline="the highest tile alone",
    metric=AREA,
    data="phantom bags of 100 tiles, ten of another kind against one stray that looks the same",
    says="beats the single highest tile where look-alikes occur",
)
def _recurrent(seed: int, scratch: Path) -> Pair:
    return compare(
        made.many_against_one, seed, scratch, ("abmil", {"pooling": "max"}), ("recurrent", {"hidden": 32})
    )
