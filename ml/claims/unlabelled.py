"""Claims of the recipes that learn without labels."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from sklearn.metrics import adjusted_rand_score

from ml.claims.harness import Pair, claim
from ml.claims.material import real_data
from ml.claims.tiles import colorectal, fit
from ml.contracts import Context, Dataset
from ml.data.folders.images import read_image
from ml.features.atlas import lay_out
from ml.features.descriptors import DescriptorEncoder

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


def _figure(name: str, dataset: Dataset, scratch: Path, seed: int, **config: Any) -> float:
    folder = scratch / name
    folder.mkdir()
    recipe = fit(name, dataset, folder, seed, pixels=SIDE, minutes=5.0, **config)
    return recipe.evaluate(dataset, Context(seed, folder)).metrics["balanced_accuracy"].value


def _against_scratch(name: str, seed: int, scratch: Path) -> Pair:
    """Return the network from scratch on the labelled tiles, and after learning from all of them."""
    partly, labelled = _few_labels(seed)
    plain: Config = {"encoder": "small", "epochs": 60, "patience": 20}
    baseline = _figure("convolutional", labelled, scratch, seed, **plain)
    return Pair(baseline, _figure(name, partly, scratch, seed, encoder="small", **VIEWS), 3 * TEST)


@claim(
    "simclr",
    method="simclr",
    baseline="the same network from scratch",
    metric=BALANCED,
    data=FEW,
    says="learning from tiles without labels beats scratch at 5 % of labels",
)
def _simclr(seed: int, scratch: Path) -> Pair:
    return _against_scratch("simclr", seed, scratch)


@claim(
    "barlow",
    method="barlow",
    baseline="the same network from scratch",
    metric=BALANCED,
    data=FEW,
    says="learning from tiles without labels beats scratch at 5 % of labels",
)
def _barlow(seed: int, scratch: Path) -> Pair:
    return _against_scratch("barlow", seed, scratch)


@claim(
    "descriptor-autoencoders",
    method="descriptor-autoencoders",
    baseline="the auto-encoder of the image alone",
    metric=BALANCED,
    data="real colorectal tiles of three kinds, 40 of each to learn from",
    says="image, gradients and local patterns together beat the image alone",
)
def _squeezed(seed: int, scratch: Path) -> Pair:
    dataset = colorectal(seed, train=40, validation=4, test=TEST)
    figures = []
    for ways in ("image", "all"):
        (scratch / ways).mkdir()
        figures.append(
            _figure(
                "descriptor-autoencoders", dataset, scratch / ways, seed, epochs=12, patience=12, ways=ways
            )
        )
    return Pair(figures[0], figures[1], 3 * TEST)


@claim(
    "atlas",
    method="atlas",
    baseline="kinds of colour alone",
    metric="adjusted Rand index",
    data="real tiles of eight tissues, 70 of 100 drawn by the seed",
    says="kinds of described tiles agree with the true tissue better than kinds of colour",
)
def _atlas(seed: int, scratch: Path) -> Pair:
    del scratch
    paths = sorted(real_data("tiles/tissue8").glob("*_label_*.png"))
    chosen = np.sort(np.random.default_rng(seed).permutation(len(paths))[:70])
    tiles = np.stack([read_image(paths[i], 224) for i in chosen])
    truth = [paths[i].stem.split("label_")[1] for i in chosen]
    flat = tiles.reshape(len(tiles), -1, 3).astype(np.float32)
    colour = np.concatenate([flat.mean(axis=1), flat.std(axis=1)], axis=1)
    agreements = [
        float(adjusted_rand_score(truth, lay_out(rows, method="pca", kinds=8, seed=seed).kinds))
        for rows in (colour, DescriptorEncoder().encode(tiles))
    ]
    return Pair(agreements[0], agreements[1], len(chosen))
