"""Claim of ``unet``."""

from __future__ import annotations

from pathlib import Path

from ml.claims.harness import Pair, claim
from ml.claims.regions import MPP, dice, sparse_phantoms
from ml.contracts import Context
from ml.data.regions import region_images


@claim(
    "unet-unlabelled",
    method="unet",
    baseline="the same U-Net, unlabelled tissue as background",
    metric="Dice, mean of two labels",
    data="phantoms, a twentieth outlined",
    says="leaving unlabelled pixels out beats taking them for background",
)
def measure_unlabelled(seed: int, scratch: Path) -> Pair:
    """Measure the network with and without unlabelled tissue, trained on the same sparse outlines."""
    dataset, context = sparse_phantoms(seed, scratch), Context(seed, scratch)
    n = len(region_images(dataset, ("test",), MPP))
    baseline = dice("unet", dataset, context, unlabelled="background")
    return Pair(baseline, dice("unet", dataset, context, unlabelled="ignored"), n)
