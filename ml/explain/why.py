"""Explanation of a model's prediction for a patch: one call for programs. Imports torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Bounds, Context, DataError, Dataset, SlideReader
from ml.data.squares import Squares
from ml.explain.maps import MAPS
from ml.explain.neighbours import Neighbour, nearest_labelled
from ml.messages import Message
from ml.methods.bases.patch_recipe import PatchRecipe
from ml.methods.loading import load_model


@dataclass(frozen=True, slots=True)
class Explanation:
    """Result of an explanation; ``map`` is float32 (rows, columns) in 0..1 over the patch."""

    label: str
    probability: float
    map: NDArray[np.float32]
    neighbours: tuple[Neighbour, ...]


def explain(
    model: Path,
    slide: SlideReader,
    bounds: Bounds,
    context: Context,
    *,
    method: str = "grad-cam",
    label: str | None = None,
    examples: Dataset | None = None,
    count: int = 6,
) -> Explanation:
    """Explain one patch of an open slide, ``bounds`` being a square in level-0 pixels.

    ``label`` None asks for the likeliest one. Raises DataError(``cannot_explain``) where the model is no
    classifier of patches, has no such map, or does not know the label.
    """
    recipe = load_model(model)
    if not isinstance(recipe, PatchRecipe):
        message = Message(
            "not_by_patch",
            recipe=recipe.name,
            title=recipe.title,
        )
        raise DataError(message, code="cannot_explain")
    if method not in MAPS:
        message = Message(
            "no_such_map",
            method=method,
            known=", ".join(MAPS),
        )
        raise DataError(message, code="cannot_explain")
    if label is not None and label not in recipe.classes:
        message = Message(
            "no_such_label",
            label=label,
            known=", ".join(recipe.classes),
        )
        raise DataError(message, code="cannot_explain")
    squares = Squares(np.array([[bounds.x, bounds.y]], dtype=np.int64), bounds.width)
    recipe.ready(context)
    pixels = recipe.pixel_rows(slide, squares, context)[0]
    probability = recipe.judge_pixels(pixels[None])[0]
    target = recipe.classes.index(label) if label is not None else int(probability.argmax())
    explanation = MAPS[method](recipe, pixels, target)
    neighbours: tuple[Neighbour, ...] = ()
    if examples is not None:
        neighbours = nearest_labelled(recipe, slide, bounds, context, examples=examples, count=count)
    return Explanation(recipe.classes[target], float(probability[target]), explanation, neighbours)
