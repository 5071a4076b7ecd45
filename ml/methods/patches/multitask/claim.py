"""Claim of ``multitask``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.claims.harness import Pair, claim
from ml.claims.tiles import SMALL, drawn, figure, fit, measure
from ml.contracts import Dataset


def _nested(number: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Return nuclei on a pale ground: two grades by size, the same without a grade, or few small ones."""
    field = np.full((48, 48, 3), (232, 200, 220), dtype=float) + random.normal(0, 14, (48, 48, 3))
    grade = (1, 2, int(random.integers(1, 3)), 0)[number]
    rows, columns = np.indices((48, 48))
    for _ in range(9 if grade else 6):
        y, x = random.uniform(2, 46, 2)
        reach = random.normal((2.1, 2.6, 3.4)[grade], 0.5)
        inside = (rows - y) ** 2 + (columns - x) ** 2 < reach**2
        field[inside] = np.array((120, 70, 150)) + random.normal(0, 22, 3)
    return np.clip(field, 0, 255).astype(np.uint8)


@claim(
    "multitask-incomplete",
    method="multitask",
    baseline="the same network on complete labels",
    metric="balanced accuracy",
    data="phantom of nuclei, 2 grades with 12 patches each, 120 without a grade",
    says="labels that leave the grade open help a network that has few graded ones",
)
def multitask_incomplete(seed: int, scratch: Path) -> Pair:
    """Measure both on the same graded patches; only the method can use the incomplete ones."""
    names = ("low", "high", "tumour", "normal")
    data = drawn(scratch / "n", names, _nested, {"train": 120, "validation": 20, "test": 60}, seed)
    kept: dict[str, int] = {}
    images = []
    for image in data.images:
        label = str(image.label)
        if data.parts[image.case] == "train":
            kept[label] = kept.get(label, 0) + 1
            if label in {"low", "high"} and kept[label] > 12:  # noqa: PLR2004 - the phantom's design
                continue
        images.append(image)
    config = {**SMALL, "epochs": 20, "patience": 20}
    every = Dataset(names, images=tuple(images), parts=data.parts)
    facets = "low=tumour/1; high=tumour/2; tumour=tumour; normal=normal"
    method = measure(fit("multitask", every, scratch / "m", seed, **config, facets=facets), every, scratch)
    complete = tuple(image for image in images if image.label != "tumour")
    few = Dataset(("low", "high", "normal"), images=complete, parts=data.parts)
    longer = {**config, "epochs": 34, "patience": 34}
    base = measure(fit("multitask", few, scratch / "b", seed, **longer, facets=facets.replace(
        "tumour=tumour; ", "")), few, scratch)  # fmt: skip
    return Pair(_balanced(base), _balanced(method), base.count)


def _balanced(evaluation: Any) -> float:
    return figure(evaluation, "balanced_accuracy")
