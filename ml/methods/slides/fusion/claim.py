"""Claims of ``fusion``."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from ml.claims import phantom_bags as made
from ml.claims.harness import Pair, claim
from ml.claims.slides import AREA, MEASURE, Config
from ml.contracts import Estimate, Survival
from ml.data.bags import Bag


def _patients(random: np.random.Generator, label: int) -> Bag:
    """Return a slide with or without a lesion of a young or old patient; either shortens life fivefold.

    A clinical field is missing in a quarter of the cases, and one more field means nothing.
    """
    bag = made.sparse_lesion(random, label)
    old = int(random.integers(2))
    months = float(random.exponential(60 / 5**label / 5**old) + 0.1)
    clinical = {
        "age": None if random.random() < 0.25 else 50.0 + 20 * old + float(random.normal(0, 4)),  # noqa: PLR2004
        "sex": "fm"[int(random.integers(2))],
    }
    return replace(bag, clinical=clinical, survival=Survival(min(months, 60.0), months < 60.0))  # noqa: PLR2004


def _older_and_ill(random: np.random.Generator, label: int) -> Bag:
    """Return a slide that is positive where the patient is old and has a lesion; neither alone suffices."""
    lesion, old = (1, 1) if label else ((0, 0), (0, 1), (1, 0))[int(random.integers(3))]
    bag = made.sparse_lesion(random, lesion)
    age = None if random.random() < 0.1 else 50.0 + 20 * old + float(random.normal(0, 4))  # noqa: PLR2004
    return replace(bag, clinical={"age": age})


@cache
def _fused(make: made.Make, seed: int, answer: str) -> Mapping[str, Estimate]:
    """Return the figures of both inputs together and of each alone, from one fit that learns all three."""
    bags = (made.draw(make, 60, seed, 0), made.draw(make, 40, seed, 1))
    rest: Config = {"epochs": 30, "batch": 16, "answer": answer}
    with tempfile.TemporaryDirectory(prefix="ml-claim-") as scratch:
        recipe = made.learned("fusion", Path(scratch), seed, bags, **rest)
    return recipe.evaluate_bags(made.draw(make, MEASURE, seed, 2), seed).metrics


def _side(make: made.Make, seed: int, metric: str, side: str) -> Pair:
    """Return the figures of one input alone and of both together, on the same held-out cases."""
    metrics = _fused(make, seed, "cox" if metric == "c_index" else "label")
    return Pair(metrics[f"{metric}:{side} alone"].value, metrics[metric].value, MEASURE)


LIVES: Final = "phantom cases: a lesion and age each shorten life fivefold, age missing in a quarter"
BOTH: Final = "phantom cases: the label is lesion and old age together, age missing in a tenth"


@claim(
    "fusion-survival-image",
    method="fusion",
    baseline="the image alone",
    metric="concordance",
    data=LIVES,
    says="slide and clinical fields order patients better than the slide alone",
)
def _survival_image(seed: int, scratch: Path) -> Pair:
    del scratch
    return _side(_patients, seed, "c_index", "image")


@claim(
    "fusion-survival-clinical",
    method="fusion",
    baseline="the clinical fields alone",
    metric="concordance",
    data=LIVES,
    says="slide and clinical fields order patients better than the fields alone",
)
def _survival_clinical(seed: int, scratch: Path) -> Pair:
    del scratch
    return _side(_patients, seed, "c_index", "clinical")


@claim(
    "fusion-label-image",
    method="fusion",
    baseline="the image alone",
    metric=AREA,
    data=BOTH,
    says="slide and clinical fields tell labels apart better than the slide alone",
)
def _label_image(seed: int, scratch: Path) -> Pair:
    del scratch
    return _side(_older_and_ill, seed, "auc", "image")


@claim(
    "fusion-label-clinical",
    method="fusion",
    baseline="the clinical fields alone",
    metric=AREA,
    data=BOTH,
    says="slide and clinical fields tell labels apart better than the fields alone",
)
def _label_clinical(seed: int, scratch: Path) -> Pair:
    del scratch
    return _side(_older_and_ill, seed, "auc", "clinical")
