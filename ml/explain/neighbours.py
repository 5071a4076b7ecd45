"""The labelled patches most similar to a patch, by the features of its model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Bounds, Context, Dataset, Settings, SlideReader
from ml.data.patches import has_background, label_patches
from ml.data.squares import Squares
from ml.inference.network_predictor import Embedder
from ml.methods.bases.patch_recipe import PatchRecipe
from ml.slides import open_slide
from ml.slides.resolution import opened_square, stretch_of

# Beyond this many of a slide, more examples are more of the same.
MOST_PER_SLIDE = 2000


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A labelled patch; ``likeness`` is the cosine of centred features, cut at 0."""

    path: Path
    bounds: Bounds
    label: str
    likeness: float


def nearest_labelled(
    recipe: PatchRecipe[Settings],
    slide: SlideReader,
    bounds: Bounds,
    context: Context,
    *,
    examples: Dataset,
    count: int,
) -> tuple[Neighbour, ...]:
    """Return the ``count`` labelled patches most similar to the one at ``bounds``, in decreasing order.

    Features are standardised over the examples. The patch itself is not its own neighbour.
    """
    own = _features(recipe, slide, "", Squares(np.array([[bounds.x, bounds.y]]), bounds.width), context)
    rows, places = _labelled(recipe, context, examples)
    if not places:
        return ()
    known = np.concatenate(rows).astype(np.float64)
    centre, spread = known.mean(axis=0), known.std(axis=0) + 1e-9
    known, asked = (known - centre) / spread, (own[0] - centre) / spread
    length = np.linalg.norm(known, axis=1) * np.linalg.norm(asked) + 1e-12
    likeness = np.clip(known @ asked / length, 0, 1)
    nearest = []
    for number in np.argsort(-likeness, kind="stable"):
        path, place, label = places[int(number)]
        if path == slide.path and _same_place(place, stretch_of(slide).original_bounds(bounds)):
            continue
        nearest.append(Neighbour(path, place, label, float(likeness[number])))
        if len(nearest) == count:
            break
    return tuple(nearest)


def _labelled(
    recipe: PatchRecipe[Settings], context: Context, examples: Dataset
) -> tuple[list[NDArray[Any]], list[tuple[Path, Bounds, str]]]:
    rows: list[NDArray[Any]] = []
    places: list[tuple[Path, Bounds, str]] = []
    background = has_background(examples)
    for labelled in examples.slides:
        if not labelled.shapes:
            continue
        with opened_square(open_slide, labelled) as (reader, item):
            stretch = stretch_of(reader)
            samples = label_patches(item, recipe.grid(reader), None, examples, background=background)
            sure = np.flatnonzero((samples.truth >= 0) & (samples.truth < len(examples.labels)))
            chosen = np.sort(np.random.default_rng(context.seed).permutation(sure)[:MOST_PER_SLIDE])
            if not len(chosen):
                continue
            squares = Squares(samples.squares.corners[chosen], samples.squares.side)
            rows.append(_features(recipe, reader, item.content, squares, context))
        side = samples.squares.side
        places += [
            (
                item.path,
                stretch.original_bounds(Bounds(int(x), int(y), side, side)),
                examples.labels[int(label)],
            )
            for (x, y), label in zip(squares.corners, samples.truth[chosen], strict=True)
        ]
    return rows, places


def _features(
    recipe: PatchRecipe[Settings], reader: SlideReader, content: str, squares: Squares, context: Context
) -> NDArray[Any]:
    """Return the features of the method itself: a network's features, else its input rows."""
    if isinstance(recipe.parts.predictor, Embedder):
        return recipe.parts.predictor.embed(recipe.pixel_rows(reader, squares, context))
    rows: NDArray[Any] = recipe.rows_of(reader, content or "explained", squares, context)
    return rows


def _same_place(one: Bounds, other: Bounds) -> bool:
    return abs(one.x - other.x) < other.width / 2 and abs(one.y - other.y) < other.height / 2
