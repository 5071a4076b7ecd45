"""Claim of ``paint``: it holds on tiles of another collection, where hand-made descriptors do not."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

import numpy as np

from ml.claims.harness import Pair, claim
from ml.claims.material import real_data
from ml.claims.tiles import context_of, figure
from ml.contracts import Dataset, LabelledImage
from ml.methods.loading import load_recipe_class

# The number in a file's name of the one collection, and the label of the other.
SHARED: Final = {
    "0": "tumour",
    "1": "stroma",
    "3": "lymphocytes",
    "4": "debris",
    "5": "mucosa",
    "6": "adipose",
}
LEARNED_SHARE: Final = 0.7


def two_collections(seed: int) -> tuple[Dataset, Dataset]:
    """Return tiles of six kinds of tissue: seven in ten of one collection, and all of another."""
    labels = tuple(sorted(SHARED.values()))
    random = np.random.default_rng(seed)
    learned: list[LabelledImage] = []
    for number, label in SHARED.items():
        files = sorted(real_data("tiles/tissue8").glob(f"*_label_{number}.png"))
        kept = random.permutation(len(files))[: round(LEARNED_SHARE * len(files))]
        learned += [LabelledImage(files[i], files[i].stem, label) for i in kept]
    folder = real_data("crc-tissue")
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["label"] in labels]
    unseen = [LabelledImage(folder / row["file"], row["file"], row["label"]) for row in rows]
    return Dataset(labels, images=tuple(learned)), Dataset(labels, images=tuple(unseen))


@claim(
    "paint-across",
    method="paint",
    baseline="descriptors, at their defaults",
    metric="AUC, mean of six labels",
    data="real tiles, learned on one collection, measured on another",
    says="holds on tiles of another collection, where hand-made descriptors do not",
)
def measure_across(seed: int, scratch: Path) -> Pair:
    """Fit both on the same tiles of one collection; measure both on all tiles of the other."""
    learned, unseen = two_collections(seed)
    context = context_of(scratch, seed)
    areas = {}
    for name in ("descriptors", "paint"):
        recipe = load_recipe_class(name).build(learned.labels, {})
        recipe.fit(learned, context)
        areas[name] = figure(recipe.evaluate(unseen, context, "all"), "auc")
    return Pair(areas["descriptors"], areas["paint"], len(unseen.images))
