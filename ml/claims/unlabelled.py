"""Comparisons that the claims of several methods without labels share."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from ml.claims.harness import Pair
from ml.claims.tiles import colorectal, fit
from ml.contracts import Context, Dataset

TRAIN, SHARE, TEST = 100, 0.05, 50
SIDE: Final = 48
VIEWS: Final[dict[str, Any]] = {"view_epochs": 15, "group": 50, "tiles": 3 * TRAIN}
BALANCED: Final = "balanced accuracy"
FEW: Final = "real colorectal tiles of three kinds, 5 of 100 labelled for each"
Config = dict[str, Any]


def _few_labels(seed: int) -> tuple[Dataset, Dataset]:
    """Return tiles with labels on 5 % of the training part, and the labelled tiles alone."""
    whole = colorectal(seed, train=TRAIN, validation=8, test=TEST)
    seen: Counter[str] = Counter()
    images = []
    for image in whole.images:
        label = image.label or ""
        learn = whole.parts[image.case] == "train"
        seen[label] += learn
        images.append(replace(image, label=None) if learn and seen[label] > SHARE * TRAIN else image)
    partly = replace(whole, images=tuple(images))
    return partly, replace(whole, images=tuple(image for image in images if image.label is not None))


def balanced_accuracy(name: str, dataset: Dataset, scratch: Path, seed: int, **config: Any) -> float:
    """Return the balanced accuracy of a recipe trained on a data set."""
    folder = scratch / name
    folder.mkdir()
    recipe = fit(name, dataset, folder, seed, pixels=SIDE, minutes=5.0, **config)
    return recipe.evaluate(dataset, Context(seed, folder)).metrics["balanced_accuracy"].value


def compare_with_scratch(name: str, seed: int, scratch: Path) -> Pair:
    """Return the network from scratch on the labelled tiles, and after learning from all of them."""
    partly, labelled = _few_labels(seed)
    plain: Config = {"encoder": "small", "epochs": 60, "patience": 20}
    baseline = balanced_accuracy("convolutional", labelled, scratch, seed, **plain)
    return Pair(baseline, balanced_accuracy(name, partly, scratch, seed, encoder="small", **VIEWS), 3 * TEST)
