"""Claims of ``abmil``."""

from __future__ import annotations

from pathlib import Path

from ml.claims import phantom_bags as made
from ml.claims.harness import Pair, claim
from ml.claims.slides import AREA, REAL, compare, draw_lesion_slides, evaluated


@claim(
    "abmil",
    method="abmil",
    baseline="mean of all tiles",
    metric=AREA,
    data="phantom bags of 150 tiles, a lesion on three of them",
    says="beats the mean of all tiles where a lesion covers few tiles",
)
def _abmil(seed: int, scratch: Path) -> Pair:
    return compare(made.sparse_lesion, seed, scratch, ("abmil", {"pooling": "mean"}), ("abmil", {}))


@claim(
    "abmil-tissue",
    method="abmil",
    baseline="mean of all tiles",
    metric=AREA,
    data="slides of 36 real colorectal tiles, four of adenocarcinoma or none",
    says="beats the mean of all tiles on real tissue with a small lesion",
)
def _abmil_tissue(seed: int, scratch: Path) -> Pair:
    slides = draw_lesion_slides(seed, scratch)
    baseline = evaluated("abmil", slides, scratch, seed, "auc", pooling="mean", **REAL)
    return Pair(baseline, evaluated("abmil", slides, scratch, seed, "auc", **REAL), 40)
