"""Data sets of real and of drawn tiles for the claims about patches, and a recipe fitted to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml.claims.material import real_data
from ml.contracts import Context, Dataset, Evaluation, LabelledImage, Settings
from ml.methods.bases.patch_recipe import PatchRecipe
from ml.methods.loading import load_recipe_class

COLORECTAL: Final = ("normal", "serrated", "adenocarcinoma")
# A network that learns within seconds on one core; every claim says what it changes.
SMALL: Final = {"encoder": "small", "pixels": 48, "epochs": 14, "patience": 14, "stain": 0.2}
# The same without the augmentation that other recipes lack.
PLAIN: Final = {**SMALL, "hue": 0.0, "zoom": 0.0, "degrade": 0.0}
Draw = Callable[[int, np.random.Generator], NDArray[np.uint8]]


def colorectal(
    seed: int, *, train: int, validation: int, test: int, labels: Sequence[str] = COLORECTAL
) -> Dataset:
    """Return a data set of real tiles, with given counts by label and part, drawn by the seed."""
    folder = real_data("tiles/colorectal")
    return _dealt(
        {label: sorted((folder / label).iterdir()) for label in labels},
        {"train": train, "validation": validation, "test": test},
        seed,
    )


def textures(seed: int, *, train: int, validation: int, test: int) -> Dataset:
    """Return a data set of real tiles of eight kinds of tissue."""
    by_label: dict[str, list[Path]] = {}
    for path in sorted(real_data("tiles/tissue8").glob("*_label_*.png")):
        by_label.setdefault(path.stem.split("label_")[1], []).append(path)
    by_label = {label: by_label[label] for label in sorted(by_label)}
    return _dealt(by_label, {"train": train, "validation": validation, "test": test}, seed)


def drawn(folder: Path, labels: Sequence[str], draw: Draw, counts: Mapping[str, int], seed: int) -> Dataset:
    """Return a data set of images by ``draw(number of the label, random)``, with counts by part."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    files: dict[str, list[Path]] = {label: [] for label in labels}
    for number, label in enumerate(labels):
        for count in range(sum(counts.values())):
            path = folder / f"{number}-{count}.png"
            Image.fromarray(draw(number, random)).save(path)
            files[label].append(path)
    return _dealt(files, counts, seed)


def fit(name: str, dataset: Dataset, scratch: Path, seed: int, **config: Any) -> PatchRecipe[Settings]:
    """Return a recipe fitted on a data set."""
    recipe = load_recipe_class(name).build(dataset.labels, config)
    if not isinstance(recipe, PatchRecipe):
        raise TypeError
    recipe.fit(dataset, context_of(scratch, seed))
    return recipe


def measure(recipe: PatchRecipe[Settings], dataset: Dataset, scratch: Path, part: str = "test") -> Evaluation:
    """Return the evaluation of a fitted recipe on a part."""
    return recipe.evaluate(dataset, context_of(scratch, 0), part)


def figure(evaluation: Evaluation, name: str) -> float:
    """Return one figure of an evaluation."""
    return evaluation.metrics[name].value


def context_of(scratch: Path, seed: int) -> Context:
    """Return a context that keeps features for the whole claim."""
    return Context(seed, scratch / "run", features=scratch / "features")


def _dealt(files: Mapping[str, Sequence[Path]], counts: Mapping[str, int], seed: int) -> Dataset:
    random = np.random.default_rng(seed)
    images, parts = [], {}
    for label, paths in files.items():
        order = iter(random.permutation(len(paths)))
        for part, count in counts.items():
            for _ in range(count):
                path = paths[int(next(order))]
                case = f"{label}/{path.name}"
                images.append(LabelledImage(path, case, label))
                parts[case] = part
    return Dataset(tuple(files), images=tuple(images), parts=parts)
