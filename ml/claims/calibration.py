"""Claim of ``calibration``."""

from __future__ import annotations

from pathlib import Path

from ml.claims.harness import Pair, claim
from ml.claims.tiles import SMALL, colorectal, figure, fit, measure


@claim(
    "calibration-temperature",
    method="calibration",
    baseline="the same scores without temperature",
    metric="expected calibration error",
    data="tiles/colorectal, 3 labels, 390 to learn from",
    says="a temperature from held-out tiles lowers the calibration error",
    less=True,
)
def calibration_temperature(seed: int, scratch: Path) -> Pair:
    """Measure the calibration of one network that is trained to the end, so that it is overconfident."""
    data = colorectal(seed, train=100, validation=30, test=150)
    config = {**SMALL, "epochs": 30, "patience": 30}
    recipe = fit("convolutional", data, scratch, seed, **config)
    after = measure(recipe, data, scratch)
    recipe.temperature = 1.0
    before = measure(recipe, data, scratch)
    return Pair(figure(before, "ece"), figure(after, "ece"), after.count)
