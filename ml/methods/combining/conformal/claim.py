"""Claim of ``conformal``."""

from __future__ import annotations

from pathlib import Path

from ml.claims.combining import PATCH
from ml.claims.harness import Pair, claim
from ml.claims.tiles import colorectal, figure, fit, measure
from ml.contracts import Dataset


@claim(
    "conformal-coverage",
    method="conformal",
    baseline="the promise of 0.90, less 0.03",
    metric="share of sets that hold the truth",
    data="tiles/colorectal, 3 labels, 300 tiles to fit sets by",
    says="sets keep their promise of nine in ten, within three points",
)
def conformal_coverage(seed: int, scratch: Path) -> Pair:
    """Measure the coverage of label sets fitted to one half of an independent validation part."""
    data = colorectal(seed, train=80, validation=200, test=200)
    model = fit("ensemble", _without_validation(data), scratch / "model", seed, **PATCH)
    model.save(scratch / "saved")
    recipe = fit("conformal", data, scratch / "sets", seed, source=str(scratch / "saved"), error=0.1)
    evaluation = measure(recipe, data, scratch / "sets")
    return Pair(0.87, figure(evaluation, "coverage"), evaluation.count)


def _without_validation(data: Dataset) -> Dataset:
    images = tuple(image for image in data.images if data.parts[image.case] == "train")
    return Dataset(data.labels, images=images, parts=data.parts)
