"""Phantoms with sparse outlines, which the claims of several methods for regions share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from shapely.geometry import Point, box

from ml.contracts import Context, Dataset, LabelledShape, LabelledSlide
from ml.methods.loading import load_recipe_class
from ml.slides import write_phantom

SIDE: Final = 2048
MPP: Final = 2.0
BUDGET: Final = {"width": 8, "crop": 64, "steps": 150, "batch": 4, "mpp": MPP, "smallest": 200}


def sparse_phantoms(seed: int, scratch: Path) -> Dataset:
    """Return two phantoms with a few small outlines, and two fully outlined ones for the test.

    On the first two about a twentieth of the tissue is outlined, in discs: what a busy pathologist leaves
    behind. The second of them is the validation part.
    """
    slides, parts = [], {}
    for number, part in enumerate(("train", "validation", "test", "test")):
        path = scratch / f"{number}.tif"
        truth = write_phantom(path, width=SIDE, height=SIDE, seed=10 * seed + number)
        shapes = [LabelledShape(shape, name) for name, shape in truth.regions]
        if part != "test":
            shapes = _discs(shapes, np.random.default_rng([seed, number]))
        finished = (box(0, 0, SIDE, SIDE),) if part == "test" else _glass(truth.layout.tissue.bounds)
        slides.append(LabelledSlide(path, str(number), f"{number}" * 64, tuple(shapes), finished, 0.5))
        parts[str(number)] = part
    return Dataset(("stroma", "tumour"), slides=tuple(slides), parts=parts)


def _glass(bounds: tuple[float, ...]) -> tuple[Any, ...]:
    """Return a finished region beside the tissue, so that glass is known as background."""
    return (box(0, 0, max(64, bounds[0] - 8), SIDE),)


def _discs(shapes: list[LabelledShape], random: np.random.Generator) -> list[LabelledShape]:
    discs: list[LabelledShape] = []
    for label in ("stroma", "tumour"):
        own = [shape.geometry for shape in shapes if shape.label == label]
        count = 0
        while count < 4:  # noqa: PLR2004 - discs of each label
            left, top, right, bottom = own[int(random.integers(len(own)))].bounds
            place = Point(random.uniform(left, right), random.uniform(top, bottom)).buffer(90)
            if any(shape.contains(place) for shape in own):
                discs.append(LabelledShape(place, label))
                count += 1
    return discs


def dice(recipe: str, dataset: Dataset, context: Context, **config: Any) -> float:
    """Return Dice, mean of both labels, of a recipe trained with the shared budget."""
    model = load_recipe_class(recipe).build(dataset.labels, {**BUDGET, **config})
    name = f"{recipe}-{config.get('unlabelled', '')}"
    model.fit(dataset, replace(context, scratch=context.scratch / name))
    return model.evaluate(dataset, context).metrics["f1"].value
