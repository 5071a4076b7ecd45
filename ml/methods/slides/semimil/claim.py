"""Claim of ``semimil``."""

from __future__ import annotations

from pathlib import Path

from ml.claims import phantom_bags as made
from ml.claims.harness import Pair, claim
from ml.claims.slides import AREA, MEASURE


@claim(
    "semimil",
    method="semimil",
    baseline="gated attention on the labelled slides",
    metric=AREA,
    data="phantom bags of 80 tiles, 12 labelled and 80 unlabelled slides to learn from",
    says="slides without a label help where few have one",
)
def _semimil(seed: int, scratch: Path) -> Pair:
    few, held = made.draw(made.mixtures, 12, seed, 0), made.draw(made.mixtures, 12, seed, 1)
    more = made.forgotten(made.draw(made.mixtures, 80, seed, 3))
    test = made.draw(made.mixtures, MEASURE, seed, 2)
    baseline = made.bag_auc(made.learned("abmil", scratch, seed, (few, held)), test)
    method = made.bag_auc(made.learned("semimil", scratch, seed, ([*few, *more], held)), test)
    return Pair(baseline, method, len(test))
