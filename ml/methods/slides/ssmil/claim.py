"""Claims of ``ssmil``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from ml.claims import phantom_bags as made
from ml.claims.harness import Pair, claim
from ml.claims.slides import AREA, REAL, compare, draw_lesion_slides, evaluated

LONG: Final[dict[str, Any]] = {"epochs": 100, "patience": 100}


@claim(
    "ssmil-mean",
    method="ssmil",
    baseline="mean of all tiles",
    metric=AREA,
    data="phantom bags of 16 x 16 tiles, a lesion of 4 x 4 against eight strays",
    says="finds the small lesion among look-alikes where the mean of all tiles does not",
)
def _ssmil_mean(seed: int, scratch: Path) -> Pair:
    return compare(
        made.cluster_or_strays, seed, scratch, ("abmil", {**LONG, "pooling": "mean"}), ("ssmil", LONG)
    )


@claim(
    "ssmil-softmax",
    method="ssmil",
    baseline="gated attention with softmax",
    metric=AREA,
    data="phantom bags of 16 x 16 tiles, a lesion of 4 x 4 against eight strays",
    says="finds the small lesion among look-alikes where softmax attention does not",
)
def _ssmil_softmax(seed: int, scratch: Path) -> Pair:
    return compare(made.cluster_or_strays, seed, scratch, ("abmil", LONG), ("ssmil", LONG))


@claim(
    "ssmil-space",
    method="ssmil",
    baseline="sparsemax without neighbours",
    metric=AREA,
    data="phantom bags of 16 x 16 tiles, a lesion of 4 x 4 against eight strays",
    says="sparsity needs space: neighbours make the sparse choice find the lesion",
)
def _ssmil_space(seed: int, scratch: Path) -> Pair:
    alone = {**LONG, "neighbours": False, "smoothness": 0.0}
    return compare(made.cluster_or_strays, seed, scratch, ("ssmil", alone), ("ssmil", LONG))


@claim(
    "ssmil-tissue",
    method="ssmil",
    baseline="mean of all tiles",
    metric=AREA,
    data="slides of 36 real colorectal tiles, four of adenocarcinoma or none",
    says="beats the mean of all tiles on real tissue with a small lesion",
)
def _ssmil_tissue(seed: int, scratch: Path) -> Pair:
    slides = draw_lesion_slides(seed, scratch)
    baseline = evaluated("abmil", slides, scratch, seed, "auc", pooling="mean", **REAL)
    return Pair(baseline, evaluated("ssmil", slides, scratch, seed, "auc", **REAL), 40)
