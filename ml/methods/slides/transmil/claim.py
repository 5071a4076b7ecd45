"""Claims of ``transmil``."""

from __future__ import annotations

from pathlib import Path

from ml.claims import phantom_bags as made
from ml.claims.harness import Pair, claim
from ml.claims.slides import AREA, Config, compare


@claim(
    "transmil",
    method="transmil",
    baseline="mean of all tiles",
    metric=AREA,
    data="phantom bags of 150 tiles, a lesion on three of them",
    says="beats the mean of all tiles where a lesion covers few tiles",
)
def _transmil(seed: int, scratch: Path) -> Pair:
    rest: Config = {"learning_rate": 1e-3}
    return compare(made.sparse_lesion, seed, scratch, ("abmil", {"pooling": "mean"}), ("transmil", rest))


@claim(
    "transmil-two-kinds",
    method="transmil",
    baseline="gated attention",
    metric=AREA,
    data="phantom bags of 100 tiles, two kinds of lesion together or one alone",
    says="beats attention alone where the label depends on two kinds of tiles together",
)
def _transmil_two_kinds(seed: int, scratch: Path) -> Pair:
    rest: Config = {"learning_rate": 1e-3}
    return compare(made.two_kinds, seed, scratch, ("abmil", {}), ("transmil", rest), learn=120)
