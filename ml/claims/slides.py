"""Comparisons that the claims of several methods for slides share."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml.claims import phantom_bags as made
from ml.claims.harness import Pair
from ml.contracts import Context, Dataset
from ml.methods.loading import load_recipe_class

LEARN, STOP, MEASURE = 60, 30, 100
AREA: Final = "area under the ROC curve"
Config = dict[str, Any]


def compare(
    make: made.Make,
    seed: int,
    scratch: Path,
    baseline: tuple[str, Config],
    method: tuple[str, Config],
    *,
    learn: int = LEARN,
) -> Pair:
    """Return both figures on the same held-out bags, after training on the same bags."""
    bags = (made.draw(make, learn, seed, 0), made.draw(make, STOP, seed, 1))
    test = made.draw(make, MEASURE, seed, 2)
    figures = [
        made.bag_auc(made.learned(name, scratch, seed, bags, **config), test)
        for name, config in (baseline, method)
    ]
    return Pair(figures[0], figures[1], len(test))


def evaluated(name: str, dataset: Dataset, scratch: Path, seed: int, metric: str, **config: Any) -> float:
    """Return a figure of a recipe that reads the pixels of slides; features are shared between recipes."""
    context = Context(seed, scratch / f"run-{len(list(scratch.iterdir()))}", features=scratch / "features")
    recipe = load_recipe_class(name).build(dataset.labels, config)
    recipe.fit(dataset, context)
    return recipe.evaluate(dataset, context).metrics[metric].value


def draw_lesion_slides(seed: int, scratch: Path) -> Dataset:
    """Return slides of 6 x 6 real tiles of normal mucosa, half of them with 2 x 2 tiles of adenocarcinoma."""
    tiles = made.real_tiles(seed, 64, 150)

    def compose(random: np.random.Generator, label: int, part: int) -> NDArray[np.uint8]:
        normal, tumour = tiles["normal"][part], tiles["adenocarcinoma"][part]
        slide = normal[random.integers(0, len(normal), (6, 6))]
        if label:
            row, column = random.integers(0, 5, 2)
            slide[row : row + 2, column : column + 2] = tumour[random.integers(0, len(tumour), (2, 2))]
        return slide

    return made.mosaic_dataset(scratch / "slides", ("benign", "tumour"), (32, 16, 40), compose, seed)


REAL: Final[Config] = {
    "patch": 64, "stride": 64, "width": 32, "epochs": 60, "patience": 20, "learning_rate": 1e-3,
}  # fmt: skip
