"""Claim of ``musa-unet``."""

from __future__ import annotations

from pathlib import Path

from ml.claims.harness import Pair, claim
from ml.claims.regions import MPP, dice, sparse_phantoms
from ml.contracts import Context
from ml.data.regions import region_images


@claim(
    "musa-unet",
    method="musa-unet",
    baseline="plain U-Net of the same width and steps",
    metric="Dice, mean of two labels",
    data="phantoms, a twentieth outlined",
    says="does at least as well as a plain U-Net with a fraction of its weights",
)
def measure_musa(seed: int, scratch: Path) -> Pair:
    """Measure both networks, trained on the same sparse outlines with the same budget."""
    dataset, context = sparse_phantoms(seed, scratch), Context(seed, scratch)
    n = len(region_images(dataset, ("test",), MPP))
    return Pair(dice("unet", dataset, context), dice("musa-unet", dataset, context), n)
