"""Claim of ``clam``."""

from __future__ import annotations

from pathlib import Path

from ml.claims import phantom_bags as made
from ml.claims.harness import Pair, claim
from ml.claims.slides import AREA, MEASURE


@claim(
    "clam",
    method="clam",
    baseline="gated attention",
    metric=AREA,
    data="phantom bags of 150 tiles, a lesion on three of them, 24 slides to learn from",
    says="beats attention alone when few slides are labelled",
)
def _clam(seed: int, scratch: Path) -> Pair:
    bags = (made.draw(made.sparse_lesion, 24, seed, 0), made.draw(made.sparse_lesion, 12, seed, 1))
    test = made.draw(made.sparse_lesion, MEASURE, seed, 2)
    baseline = made.bag_auc(made.learned("abmil", scratch, seed, bags), test)
    return Pair(
        baseline, made.bag_auc(made.learned("clam", scratch, seed, bags, instances=3), test), len(test)
    )
