"""Claim of ``descriptor-autoencoders``."""

from __future__ import annotations

from pathlib import Path

from ml.claims.harness import Pair, claim
from ml.claims.tiles import colorectal
from ml.claims.unlabelled import BALANCED, TEST, balanced_accuracy


@claim(
    "descriptor-autoencoders",
    method="descriptor-autoencoders",
    baseline="the auto-encoder of the image alone",
    metric=BALANCED,
    data="real colorectal tiles of three kinds, 40 of each to learn from",
    says="image, gradients and local patterns together beat the image alone",
)
def _squeezed(seed: int, scratch: Path) -> Pair:
    dataset = colorectal(seed, train=40, validation=4, test=TEST)
    figures = []
    for ways in ("image", "all"):
        (scratch / ways).mkdir()
        figures.append(
            balanced_accuracy(
                "descriptor-autoencoders", dataset, scratch / ways, seed, epochs=12, patience=12, ways=ways
            )
        )
    return Pair(figures[0], figures[1], 3 * TEST)
