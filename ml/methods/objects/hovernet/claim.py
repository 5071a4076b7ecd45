"""Claims of ``hovernet``."""

from __future__ import annotations

from pathlib import Path

from ml.claims.harness import Pair, claim
from ml.claims.objects import compare_with_areas, connected, evaluated, test_size


@claim(
    "hovernet-areas",
    method="hovernet",
    baseline="connected areas of haematoxylin",
    metric="panoptic quality",
    data="nuclei/dsb2018, fifty steps of one crop of 256 px",
    says="outlines nuclei better than connected dark areas",
)
def measure_hovernet(seed: int, scratch: Path) -> Pair:
    """Measure HoVer-Net after a training that a CPU allows; ``hovernet-full`` needs a GPU."""
    del scratch
    return compare_with_areas("pq", "dsb2018", seed, "hovernet")


@claim(
    "hovernet-full",
    method="hovernet",
    baseline="connected areas of haematoxylin",
    metric="panoptic quality",
    data="nuclei/dsb2018, 1,200 steps of two crops of 256 px on a GPU",
    says="outlines nuclei better than connected dark areas",
    gpu=True,
)
def measure_hovernet_full(seed: int, scratch: Path) -> Pair:
    """Measure HoVer-Net trained with the recipe's own settings."""
    del scratch
    value = evaluated("hovernet", "dsb2018", seed, full=True).metrics["pq"].value
    return Pair(connected("dsb2018", seed)["pq"], value, test_size("dsb2018"))


@claim(
    "hovernet-nuclei",
    method="hovernet",
    baseline="nuclei, by its own settings too",
    metric="panoptic quality",
    data="nuclei/dsb2018, 1,200 steps each on a GPU",
    says="outlines nuclei better than a light U-Net",
    gpu=True,
)
def measure_hovernet_nuclei(seed: int, scratch: Path) -> Pair:
    """Measure ``hovernet-full`` beside ``nuclei``, both trained with their GPU settings."""
    del scratch
    pair = [
        evaluated(recipe, "dsb2018", seed, full=True).metrics["pq"].value for recipe in ("nuclei", "hovernet")
    ]
    return Pair(pair[0], pair[1], test_size("dsb2018"))
