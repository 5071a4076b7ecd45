"""Phantom of places whose label is spread over three magnifications."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml.claims.harness import Pair
from ml.claims.tiles import drawn, figure, fit, measure
from ml.contracts import Dataset, Settings
from ml.methods.bases.patch_recipe import PatchRecipe

PLACE: Final = 128
NEAR: Final = 32
EIGHT: Final = tuple(f"{number:03b}" for number in range(8))


def joined_place(number: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Return a patch (128, 128, 3) whose label has one bit per ring, each visible at one magnification only.

    A set bit is a chequered ring, of squares of 1, 2 and 4 pixels from the middle outwards; else the ring is
    grey. At the next lower magnification a pattern averages to that grey, and at a higher one the ring lies
    outside.
    """
    field = np.full((PLACE, PLACE), 128.0)
    rows, columns = np.indices(field.shape)
    for ring, bit in reversed(list(enumerate((number & 4, number & 2, number & 1)))):
        half, square = NEAR * 2**ring // 2, 2**ring
        part = slice(PLACE // 2 - half, PLACE // 2 + half)
        chequer = 128 + 60 * (1 - 2 * ((rows // square + columns // square) % 2))
        field[part, part] = chequer[part, part] if bit else 128.0
    noisy = field[..., None] + random.normal(0, 12, (PLACE, PLACE, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8)


def _single(
    name: str, data: Dataset, scratch: Path, seed: int, config: dict[str, Any]
) -> PatchRecipe[Settings]:
    """Return the single magnification of ``name`` that is best on the validation part."""
    best: tuple[float, PatchRecipe[Settings]] | None = None
    for scale in range(3):
        seen = _at_scale(data, scratch / f"view-{scale}", scale)
        recipe = fit(name, seen, scratch / f"single-{scale}", seed, **config)
        accuracy = figure(measure(recipe, seen, scratch / f"single-{scale}", "validation"), "accuracy")
        if best is None or accuracy > best[0]:
            best = (accuracy, recipe)
            recipe.facts["scale"] = scale
    if best is None:
        raise AssertionError
    return best[1]


def _at_scale(data: Dataset, folder: Path, scale: int) -> Dataset:
    """Return the images at one magnification: cropped around the centre, resized to 32 pixels."""
    folder.mkdir(parents=True, exist_ok=True)
    images = []
    for image in data.images:
        path = folder / image.path.name
        if not path.exists():
            half = NEAR * 2**scale // 2
            box = (PLACE // 2 - half,) * 2 + (PLACE // 2 + half,) * 2
            with Image.open(image.path) as whole:
                whole.resize((NEAR, NEAR), Image.Resampling.BOX, box=box).save(path)
        images.append(dataclasses.replace(image, path=path))
    return dataclasses.replace(data, images=tuple(images))


def compare_joined(
    seed: int, scratch: Path, names: tuple[str, str], configs: tuple[dict[str, Any], dict[str, Any]], by: str
) -> Pair:
    """Return the figure of the best single magnification, and that of a recipe of all three."""
    data = drawn(scratch / "places", EIGHT, joined_place, {"train": 30, "validation": 8, "test": 12}, seed)
    single = _single(names[0], data, scratch, seed, configs[0])
    seen = _at_scale(data, scratch / "test", int(single.facts["scale"]))
    alone = measure(single, seen, scratch / "alone")
    joined = measure(fit(names[1], data, scratch / "joined", seed, **configs[1]), data, scratch / "joined")
    return Pair(figure(alone, by), figure(joined, by), joined.count)
