"""Claims of the explanation maps, on a small network over real tiles."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml.claims.harness import Pair, claim
from ml.claims.material import real_data
from ml.contracts import Context, Dataset, LabelledImage, Settings
from ml.explain.faithfulness import faithfulness, random_map, sameness
from ml.explain.hipomap import picture_of, sorted_row
from ml.explain.maps import MAPS, grad_cam_raw
from ml.methods.bases.patch_recipe import PatchRecipe
from ml.methods.loading import load_recipe_class
from ml.training.stacked import cross_validated

KINDS: Final = ("adenocarcinoma", "normal")
SIDE: Final = 64
TRAINED: Final = 80
SHOWN: Final = 16
BUDGET: Final = {"patch": 224, "pixels": SIDE, "epochs": 8, "patience": 8, "batch": 16}
# Attention is rolled out in a transformer of one path; all other maps are of a small convolutional network.
NETWORKS: Final[dict[str, dict[str, Any]]] = {
    "convolutional": {"encoder": "small"},
    "cast": {"scales": 1, "square": 8, "width": 96},
}
PATCHES, LESION, SLIDES = 36, 4, 60
Shown = list[tuple[NDArray[np.uint8], int]]


@cache
def learned(seed: int, network: str) -> PatchRecipe[Settings]:
    """Return a network trained on 80 tiles of each of two kinds."""
    images = [LabelledImage(path, path.name, kind) for kind in KINDS for path in _dealt(kind, seed)[:TRAINED]]
    dataset = Dataset(KINDS, images=tuple(images), parts={image.case: "train" for image in images})
    recipe: Any = load_recipe_class(network).build(KINDS, BUDGET | NETWORKS[network])
    with TemporaryDirectory(prefix="ml-") as scratch:
        recipe.fit(dataset, Context(seed, Path(scratch)))
    return recipe  # type: ignore[no-any-return]


def _dealt(kind: str, seed: int) -> list[Path]:
    """Return the tiles of one kind, the training tiles first."""
    paths = sorted((real_data("tiles/colorectal") / kind).iterdir())
    return [paths[i] for i in np.random.default_rng(seed).permutation(len(paths))]


def _pixels(recipe: PatchRecipe[Settings], paths: Sequence[Path]) -> NDArray[np.uint8]:
    images = [LabelledImage(path, path.name, None) for path in paths]
    with TemporaryDirectory(prefix="ml-") as scratch:
        return recipe.image_pixel_rows(images, Context(0, Path(scratch)))


@cache
def asked(seed: int, network: str) -> tuple[PatchRecipe[Settings], Shown]:
    """Return a network, and 16 unseen tiles with its predictions."""
    recipe = learned(seed, network)
    held = [path for kind in KINDS for path in _dealt(kind, seed)[TRAINED : TRAINED + SHOWN // 2]]
    tiles = _pixels(recipe, held)
    predicted = recipe.judge_pixels(tiles).argmax(axis=1)
    return recipe, [(tile, int(number)) for tile, number in zip(tiles, predicted, strict=True)]


@cache
def blind_gap(seed: int, network: str) -> float:
    """Return insertion minus deletion of random maps, four for each tile."""
    recipe, shown = asked(seed, network)
    random = np.random.default_rng(seed)
    gaps = [
        faithfulness(recipe, tile, number, random_map((SIDE, SIDE), random)).gap
        for tile, number in shown
        for _ in range(4)
    ]
    return float(np.mean(gaps))


def _beside_blind(method: str, network: str, seed: int) -> Pair:
    recipe, shown = asked(seed, network)
    gaps = [faithfulness(recipe, tile, k, MAPS[method](recipe, tile, k)).gap for tile, k in shown]
    return Pair(blind_gap(seed, network), float(np.mean(gaps)), len(shown))


def _same(method: str, network: str, seed: int) -> Pair:
    recipe, shown = asked(seed, network)
    correlations = [sameness(MAPS[method], recipe, tile, k, seed) for tile, k in shown]
    return Pair(0.5, float(np.mean(correlations)), len(shown))


def _declare(method: str, network: str = "convolutional") -> None:
    """Register both claims of one kind of map."""
    data = f"tiles/colorectal, a small {'transformer' if network == 'cast' else 'network'}"

    @claim(
        f"explain-{method.replace('++', '-pp')}",
        method="explain",
        baseline="smooth random maps",
        metric="insertion less deletion, areas under the probability",
        data=data,
        says=f"{method} points to what the model goes by",
    )
    def measure_gap(seed: int, scratch: Path) -> Pair:
        """Measure insertion minus deletion of the maps beside that of random maps."""
        del scratch
        return _beside_blind(method, network, seed)

    @claim(
        f"faithfulness-{method.replace('++', '-pp')}",
        method="faithfulness",
        baseline="0.5",
        metric="rank correlation of maps before and after drawing the weights anew",
        data=data,
        says=f"{method} shows the model and not the tile alone",
        less=True,
    )
    def measure_sameness(seed: int, scratch: Path) -> Pair:
        """Compare maps of the trained network with those of a network with random weights."""
        del scratch
        return _same(method, network, seed)


for _method in ("cam", "grad-cam", "grad-cam++", "integrated-gradients", "occlusion"):
    _declare(_method)
_declare("roll-out", "cast")


@claim(
    "hipomap-mean",
    method="hipomap",
    baseline="mean probability of the patches",
    metric="accuracy",
    data="slides of 36 real colorectal tiles, four of adenocarcinoma or none, five folds",
    says="pictures of the strongest evidence tell slides with a small lesion better than the mean of patches",
)
def _hipomap(seed: int, scratch: Path) -> Pair:
    """Measure diagnoses by one ensemble, on slides whose tiles the patch network has not seen."""
    del scratch
    recipe = learned(seed, "convolutional")
    target = KINDS.index("adenocarcinoma")
    rows, shares = {}, {}
    for kind in KINDS:
        pixels = _pixels(recipe, _dealt(kind, seed)[TRAINED:])
        rows[kind] = np.stack([sorted_row(grad_cam_raw(recipe, tile, target)) for tile in pixels])
        shares[kind] = recipe.judge_pixels(pixels)[:, target]
    random = np.random.default_rng([seed, 5])
    pictures, means, truth = [], [], []
    for number in range(SLIDES):
        lesion = LESION if number % 2 else 0
        chosen = {
            kind: random.integers(0, len(shares[kind]), count)
            for kind, count in (("normal", PATCHES - lesion), ("adenocarcinoma", lesion))
        }
        pictures.append(picture_of(np.concatenate([rows[kind][chosen[kind]] for kind in KINDS])).ravel())
        means.append([np.concatenate([shares[kind][chosen[kind]] for kind in KINDS]).mean()])
        truth.append("tumour" if lesion else "benign")
    names, given = np.array([f"{number}" for number in range(SLIDES)]), np.array(truth)
    votes = [
        cross_validated(np.array(each, dtype=np.float64), given, names, seed) for each in (means, pictures)
    ]
    right = [float(np.mean([assigned[name] == given[int(name)] for name in assigned])) for assigned in votes]
    return Pair(right[0], right[1], SLIDES)
