"""Claim of ``dsmil``."""

from __future__ import annotations

from pathlib import Path

from ml.claims import phantom_bags as made
from ml.claims.harness import Pair, claim
from ml.claims.slides import AREA, compare


@claim(
    "dsmil",
    method="dsmil",
    baseline="mean of all tiles",
    metric=AREA,
    data="phantom bags of 150 tiles, a lesion on three of them",
    says="beats the mean of all tiles where a lesion covers few tiles",
)
def _dsmil(seed: int, scratch: Path) -> Pair:
    return compare(made.sparse_lesion, seed, scratch, ("abmil", {"pooling": "mean"}), ("dsmil", {}))
