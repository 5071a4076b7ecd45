"""Synthetic bags and slides of the claims, with exact truth and only the structure that a claim needs.

``mosaic`` slides are of real tissue: tiles of colorectal histology laid side by side, no tile being used both
for learning and for measuring.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import tifffile
from numpy.typing import NDArray

from ml.catalogue.registry import find_recipe
from ml.claims.material import real_data
from ml.contracts import Context, Dataset, LabelledSlide
from ml.data.bags import UNKNOWN, Bag
from ml.data.folders.images import read_image
from ml.evaluation.weighted import auc
from ml.methods.bases.bag_recipe import BagRecipe
from ml.methods.bases.settings import TileSettings
from ml.methods.loading import load_recipe_class
from ml.storage.hashing import content_hash

SIZE: Final = 16
KINDS: Final = ("normal", "adenocarcinoma", "serrated")
Make = Callable[[np.random.Generator, int], Bag]


def draw(make: Make, count: int, seed: int, part: int, classes: int = 2) -> list[Bag]:
    """Return ``count`` bags with alternating labels, each a case of its own; parts have no bag in common."""
    random = np.random.default_rng([seed, part])
    return [replace(make(random, n % classes), unit=f"{part}-{n}", label=n % classes) for n in range(count)]


def forgotten(bags: Sequence[Bag]) -> list[Bag]:
    """Return the bags without their labels."""
    return [replace(bag, label=UNKNOWN) for bag in bags]


def grid(side: int) -> NDArray[np.int32]:
    """Return the places of a square map."""
    return np.stack(np.divmod(np.arange(side * side), side), axis=1).astype(np.int32)


def cluster_or_strays(random: np.random.Generator, label: int) -> Bag:
    """Draw 16 x 16 tiles: a lesion of 4 x 4, or eight scattered tiles of the same look."""
    side = 16
    tiles = random.normal(size=(side, side, SIZE))
    if label:
        row, column = random.integers(0, side - 4, 2)
        tiles[row : row + 4, column : column + 4, :2] += 2.5
    else:
        strays = random.permutation(25)[:8]
        tiles[strays // 5 * 3, strays % 5 * 3, :2] += 2.5
    return Bag(tiles.reshape(-1, SIZE).astype(np.float32), grid(side))


def together_or_apart(random: np.random.Generator, label: int) -> Bag:
    """Draw 16 x 16 tiles, nine of them of another kind: in one block of 3 x 3, or scattered."""
    side = 16
    tiles = random.normal(size=(side * side, SIZE))
    if label:
        row, column = random.integers(0, side - 3, 2)
        where = ((row + np.arange(3))[:, None] * side + column + np.arange(3)).ravel()
    else:
        where = random.permutation(side * side)[:9]
    tiles[where, :2] += 2.5
    return Bag(tiles.astype(np.float32), grid(side))


def sparse_lesion(random: np.random.Generator, label: int) -> Bag:
    """Draw 150 tiles with a lesion of three tiles."""
    tiles = random.normal(size=(150, SIZE))
    if label:
        tiles[random.permutation(150)[:3], :3] += 2.5
    return Bag(tiles.astype(np.float32), grid(13)[:150])


def many_against_one(random: np.random.Generator, label: int) -> Bag:
    """Draw 100 tiles with ten different ones, or with a single one of the same look."""
    tiles = random.normal(size=(100, SIZE))
    tiles[random.permutation(100)[: 10 if label else 1], :2] += 3.0
    return Bag(tiles.astype(np.float32), grid(10))


def two_kinds(random: np.random.Generator, label: int) -> Bag:
    """Draw 100 tiles: two kinds of lesion together, or one of them on as many tiles."""
    tiles = random.normal(size=(100, SIZE))
    chosen = random.permutation(100)[:20]
    kinds = random.permutation([0, 1] * 10) if label else np.full(20, random.integers(2))
    tiles[chosen, kinds * 2] += 4.0
    return Bag(tiles.astype(np.float32), grid(10))


def upper_or_lower(random: np.random.Generator, label: int) -> Bag:
    """Draw 8 x 8 tiles with six of tissue type 1 in the upper half, or in the lower.

    The last three features are the probabilities of three tissue types, as a patch model gives them.
    """
    side = 8
    tiles = random.normal(size=(side * side, SIZE + 3)) * 0.5
    half = side * side // 2
    types = random.integers(0, 2, side * side) * 2
    types[random.permutation(half)[:6] + (0 if label else half)] = 1
    noisy = np.eye(3)[types] * 4 + random.normal(size=(side * side, 3))
    tiles[:, -3:] = np.exp(noisy) / np.exp(noisy).sum(axis=1, keepdims=True)
    return Bag(tiles.astype(np.float32), grid(side))


def mixtures(random: np.random.Generator, label: int) -> Bag:
    """Draw 80 tiles of four kinds, labelled by the two frequent ones; each slide has a style too."""
    share = random.dirichlet([12, 12, 4, 4] if label else [4, 4, 12, 12])
    kinds = random.choice(4, size=80, p=share)
    tiles = random.normal(size=(80, SIZE)) + random.normal(size=SIZE) * 0.5
    tiles[np.arange(80), kinds] += 2.0
    return Bag(tiles.astype(np.float32), grid(9)[:80])


def learned(
    name: str, scratch: Path, seed: int, bags: tuple[Sequence[Bag], Sequence[Bag]], **config: Any
) -> BagRecipe[TileSettings]:
    """Return a recipe fitted to (train, validation); every method has the same budget."""
    budget = {"width": 32, "epochs": 60, "patience": 20, "learning_rate": 3e-3, "minutes": 5.0}
    kind = load_recipe_class(name)
    known = {item.name for item in find_recipe(name).fields}
    settings = {key: value for key, value in budget.items() if key in known}
    recipe = kind.build(("no", "yes"), {**settings, **config})
    if not isinstance(recipe, BagRecipe):
        message = f"{name} does not answer about slides"
        raise TypeError(message)
    folder = scratch / f"{name}-{len(list(scratch.iterdir()))}"
    folder.mkdir()
    recipe.learn_bags(bags[0], bags[1], Context(seed, folder))
    return recipe


def bag_auc(recipe: BagRecipe[TileSettings], bags: Sequence[Bag]) -> float:
    """Return the area under the curve of the second label."""
    truth = np.array([bag.label == 1 for bag in bags])
    score = recipe.judge_bags(bags)[:, 1].astype(np.float64)
    return float(auc(np.ones((1, len(bags))), truth, score)[0])


def real_tiles(seed: int, side: int, per_kind: int) -> dict[str, tuple[NDArray[Any], NDArray[Any]]]:
    """Return training and test tiles of each kind of tissue, resized to ``side``."""
    random = np.random.default_rng([seed, 77])
    split = {}
    for kind in KINDS:
        paths = sorted((real_data("tiles/colorectal") / kind).iterdir())
        chosen = random.permutation(len(paths))[: 2 * per_kind]
        pixels = np.stack([read_image(paths[i], side) for i in chosen])
        split[kind] = (pixels[:per_kind], pixels[per_kind:])
    return split


def write_mosaic(path: Path, tiles: NDArray[np.uint8]) -> None:
    """Write tiles (rows, columns, side, side, 3) as one slide."""
    rows, columns, side = tiles.shape[:3]
    pixels = tiles.transpose(0, 2, 1, 3, 4).reshape(rows * side, columns * side, 3)
    tifffile.imwrite(path, pixels, photometric="rgb", tile=(256, 256))


def mosaic_dataset(
    folder: Path,
    labels: Sequence[str],
    counts: tuple[int, int, int],
    compose: Callable[[np.random.Generator, int, int], NDArray[np.uint8]],
    seed: int,
) -> Dataset:
    """Write slides of (train, validation, test) counts; ``compose(random, label, part)`` gives the tiles.

    ``part`` is 0 for slides to learn from and 1 for those to measure on.
    """
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng([seed, 78])
    slides, parts = [], {}
    for part, count in zip(("train", "validation", "test"), counts, strict=True):
        for number in range(count):
            label = number % len(labels)
            path = folder / f"{part}-{number}.tif"
            write_mosaic(path, compose(random, label, int(part == "test")))
            slides.append(LabelledSlide(path, path.stem, content_hash(path), (), label=labels[label]))
            parts[path.stem] = part
    return Dataset(tuple(labels), slides=tuple(slides), parts=parts)
