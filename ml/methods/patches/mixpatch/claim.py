"""Claims of ``mixpatch``."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Final

from ml.claims.harness import Pair, claim
from ml.claims.tiles import SMALL, colorectal, figure, fit, measure

TWO: Final = ("normal", "adenocarcinoma")


@functools.cache
def _mixed(seed: int, mixing: str) -> dict[str, float]:
    """Return the figures of the same network under one kind of mixing, with uncalibrated scores.

    Kept for the run, as the claims about MixPatch share baselines.
    """
    with tempfile.TemporaryDirectory(prefix="ml-claim-") as folder:
        scratch = Path(folder)
        data = colorectal(seed, train=100, validation=30, test=150, labels=TWO)
        recipe = fit("mixpatch", data, scratch, seed, **SMALL, mixing=mixing)
        recipe.temperature = 1.0
        evaluation = measure(recipe, data, scratch)
    return {name: figure(evaluation, name) for name in ("ece", "accuracy")}


@claim(
    "mixpatch-calibration",
    method="mixpatch",
    baseline="the same network, plain second half",
    metric="expected calibration error, no temperature",
    data="tiles/colorectal, 2 labels, 260 to learn from",
    says="MixPatch lowers the calibration error",
    less=True,
)
def mixpatch_calibration(seed: int, _scratch: Path) -> Pair:
    """Measure calibration with and without mixing; only the second half of each batch differs."""
    return Pair(_mixed(seed, "none")["ece"], _mixed(seed, "mixpatch")["ece"], 300)


@claim(
    "mixpatch-accuracy",
    method="mixpatch",
    baseline="the same network, plain second half, less 0.02",
    metric="accuracy",
    data="tiles/colorectal, 2 labels, 260 to learn from",
    says="MixPatch loses no more than two points of accuracy",
)
def mixpatch_accuracy(seed: int, _scratch: Path) -> Pair:
    """Measure accuracy with and without mixing; two points of difference count as equal."""
    return Pair(
        _mixed(seed, "none")["accuracy"] - 0.02,
        _mixed(seed, "mixpatch")["accuracy"],
        300,
    )


def _mixing_pair(seed: int, other: str) -> Pair:
    return Pair(_mixed(seed, other)["ece"], _mixed(seed, "mixpatch")["ece"], 300)


@claim(
    "mixpatch-smoothing",
    method="mixpatch",
    baseline="label smoothing",
    metric="expected calibration error, no temperature",
    data="tiles/colorectal, 2 labels, 260 to learn from",
    says="MixPatch is better calibrated than label smoothing",
    less=True,
)
def mixpatch_smoothing(seed: int, _scratch: Path) -> Pair:
    """Measure calibration of MixPatch and of label smoothing."""
    return _mixing_pair(seed, "label smoothing")


@claim(
    "mixpatch-mixup",
    method="mixpatch",
    baseline="mixup",
    metric="expected calibration error, no temperature",
    data="tiles/colorectal, 2 labels, 260 to learn from",
    says="MixPatch is better calibrated than mixup",
    less=True,
)
def mixpatch_mixup(seed: int, _scratch: Path) -> Pair:
    """Measure calibration of MixPatch and of mixup."""
    return _mixing_pair(seed, "mixup")


@claim(
    "mixpatch-cutmix",
    method="mixpatch",
    baseline="CutMix",
    metric="expected calibration error, no temperature",
    data="tiles/colorectal, 2 labels, 260 to learn from",
    says="MixPatch is better calibrated than CutMix",
    less=True,
)
def mixpatch_cutmix(seed: int, _scratch: Path) -> Pair:
    """Measure calibration of MixPatch and of CutMix."""
    return _mixing_pair(seed, "cutmix")
