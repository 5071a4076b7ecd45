"""Claim of ``convolutional``."""

from __future__ import annotations

from pathlib import Path

from ml.claims.harness import Pair, claim
from ml.claims.tiles import SMALL, colorectal, figure, fit, measure


@claim(
    "convolutional-descriptors",
    method="convolutional",
    baseline="descriptors",
    metric="balanced accuracy",
    data="tiles/colorectal, 3 labels, 750 to learn from",
    says="a small convolutional network beats hand-made descriptors",
)
def convolutional_descriptors(seed: int, scratch: Path) -> Pair:
    """Measure both, trained on the same 200 tiles and validated on the same 50 of each label."""
    data = colorectal(seed, train=200, validation=50, test=100)
    plain = measure(fit("descriptors", data, scratch, seed, patch=112), data, scratch)
    config = {**SMALL, "pixels": 64, "epochs": 20, "patience": 20}
    network = measure(fit("convolutional", data, scratch, seed, **config), data, scratch)
    return Pair(
        figure(plain, "balanced_accuracy"), figure(network, "balanced_accuracy"), len(data.images) * 2 // 7
    )
