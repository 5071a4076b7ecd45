"""Claims of the maps that say where a model looked, on a small network over real tiles."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml.claims.harness import Pair, claim
from ml.claims.material import real_data
from ml.contracts import Context, Dataset, LabelledImage
from ml.data.images import read_image
from ml.explain.faithfulness import faithfulness, random_map, sameness
from ml.explain.maps import MAPS
from ml.recipes import load_recipe_class
from ml.recipes.patching import PatchRecipe

KINDS: Final = ("adenocarcinoma", "normal")
SIDE: Final = 64
TRAINED: Final = 80
SHOWN: Final = 16
BUDGET: Final = {"patch": 224, "pixels": SIDE, "encoder": "small", "epochs": 8, "patience": 8, "batch": 16}
Shown = list[tuple[NDArray[np.uint8], int]]


@cache
def learned(seed: int) -> tuple[PatchRecipe, Shown]:
    """Return a network trained on 80 tiles of each of two kinds, and 16 other tiles with what it says."""
    images, held = [], []
    for kind in KINDS:
        paths = sorted((real_data("tiles/colorectal") / kind).iterdir())
        order = np.random.default_rng(seed).permutation(len(paths))
        images += [LabelledImage(paths[i], paths[i].name, kind) for i in order[:TRAINED]]
        held += [paths[i] for i in order[TRAINED : TRAINED + SHOWN // 2]]
    dataset = Dataset(KINDS, images=tuple(images), parts={image.case: "train" for image in images})
    recipe: Any = load_recipe_class("convolutional").build(KINDS, BUDGET)
    with TemporaryDirectory(prefix="ml-") as scratch:
        recipe.fit(dataset, Context(seed, Path(scratch)))
    tiles = [np.array(read_image(path, SIDE)) for path in held]
    said = recipe.judge_pixels(np.stack(tiles)).argmax(axis=1)
    return recipe, [(tile, int(number)) for tile, number in zip(tiles, said, strict=True)]


@cache
def blind_gap(seed: int) -> float:
    """Return insertion minus deletion of maps that know nothing, four for each tile."""
    recipe, shown = learned(seed)
    random = np.random.default_rng(seed)
    gaps = [
        faithfulness(recipe, tile, number, random_map((SIDE, SIDE), random)).gap
        for tile, number in shown
        for _ in range(4)
    ]
    return float(np.mean(gaps))


def _beside_blind(method: str, seed: int) -> Pair:
    recipe, shown = learned(seed)
    gaps = [faithfulness(recipe, tile, k, MAPS[method](recipe, tile, k)).gap for tile, k in shown]
    return Pair(blind_gap(seed), float(np.mean(gaps)), len(shown))


def _same(method: str, seed: int) -> Pair:
    recipe, shown = learned(seed)
    found = [sameness(MAPS[method], recipe, tile, k, seed) for tile, k in shown]
    return Pair(0.5, float(np.mean(found)), len(shown))


def _declare(method: str) -> None:
    """Register both claims of one kind of map."""

    @claim(
        f"explain-{method.replace('++', '-pp')}",
        method="explain",
        baseline="smooth random maps",
        metric="insertion less deletion, areas under the probability",
        data="tiles/colorectal, a small network",
        says=f"{method} points to what the model goes by",
    )
    def measure_gap(seed: int, scratch: Path) -> Pair:
        """Take the strongest squares away, and bring them back."""
        del scratch
        return _beside_blind(method, seed)

    @claim(
        f"faithfulness-{method.replace('++', '-pp')}",
        method="faithfulness",
        baseline="0.5",
        metric="rank correlation of maps before and after drawing the weights anew",
        data="tiles/colorectal, a small network",
        says=f"{method} shows the model and not the tile alone",
        less=True,
    )
    def measure_sameness(seed: int, scratch: Path) -> Pair:
        """Compare maps of the trained network with those of one that knows nothing."""
        del scratch
        return _same(method, seed)


for _method in ("cam", "grad-cam", "grad-cam++", "integrated-gradients", "occlusion"):
    _declare(_method)
