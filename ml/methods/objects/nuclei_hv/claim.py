"""Claims of ``nuclei-hv``."""

from __future__ import annotations

from pathlib import Path

from ml.claims.harness import Pair, claim
from ml.claims.objects import compare_with_areas, evaluated, test_size


@claim(
    "nuclei-hv-pq",
    method="nuclei-hv",
    baseline="connected areas of haematoxylin",
    metric="panoptic quality",
    data="nuclei/dsb2018",
    says="outlines nuclei better than connected dark areas",
)
def measure_hv(seed: int, scratch: Path) -> Pair:
    """Measure the panoptic quality after training on half of the crops."""
    del scratch
    return compare_with_areas("pq", "dsb2018", seed)


@claim(
    "nuclei-hv-aji",
    method="nuclei-hv",
    baseline="connected areas of haematoxylin",
    metric="aggregated Jaccard index",
    data="nuclei/dsb2018",
    says="parts nuclei better than connected dark areas",
)
def measure_hv_aji(seed: int, scratch: Path) -> Pair:
    """Measure the aggregated Jaccard index of the models of ``nuclei-hv-pq``."""
    del scratch
    return compare_with_areas("aji", "dsb2018", seed)


@claim(
    "nuclei-hv-depth",
    method="nuclei-hv",
    baseline="nuclei (class and depth)",
    metric="panoptic quality",
    data="nuclei/dsb2018",
    says="parts nuclei better by offsets than by depth, with the same network and budget",
)
def measure_hv_depth(seed: int, scratch: Path) -> Pair:
    """Measure both recipes, trained on the same crops with the same budget."""
    del scratch
    pair = [evaluated(recipe, "dsb2018", seed).metrics["pq"].value for recipe in ("nuclei", "nuclei-hv")]
    return Pair(pair[0], pair[1], test_size("dsb2018"))


@claim(
    "nuclei-hv-nuinsseg",
    method="nuclei-hv",
    baseline="connected areas of haematoxylin",
    metric="Dice",
    data="nuclei/nuinsseg",
    says="outlines nuclei of many organs better than connected dark areas",
)
def measure_hv_organs(seed: int, scratch: Path) -> Pair:
    """Measure Dice after training on half of the sixteen crops, whose masks do not part touching nuclei."""
    del scratch
    return compare_with_areas("dice", "nuinsseg", seed)
