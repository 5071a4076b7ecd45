"""HipoMap: a picture of fixed size for a slide of any size, from a patch classifier's explanation maps.

Kosaraju et al. (2022): the map of each patch is flattened and sorted; patches are rows; every column is
sorted, and the strongest rows are kept. The result shows how strongly, and in how much of the slide, a label
speaks.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml.contracts import Context, DataError, Settings, SlideReader
from ml.data.squares import squares_of
from ml.explain.maps import grad_cam_raw
from ml.messages import Message
from ml.methods.bases.network_parts import network_predictor
from ml.methods.bases.patch_recipe import PatchRecipe
from ml.slides import tissue_mask

ROWS: Final = 64
COLUMNS: Final = 64
MOST_PATCHES: Final = 2000
Picture = NDArray[np.float32]


def hipomap(recipe: PatchRecipe[Settings], slide: SlideReader, context: Context, label: str) -> Picture:
    """Return (ROWS, COLUMNS) float32, strongest at the top left, of a slide and a label.

    Of a slide with more than 2000 patches an even sample is taken. Raises DataError: ``cannot_explain``
    without a convolutional network or for an unknown label, ``no_tissue``.
    """
    if network_predictor(recipe) is None:
        raise DataError(
            Message("no_network_for_maps", title=recipe.title),
            code="cannot_explain",
        )
    if label not in recipe.classes:
        message = Message("label_not_of_model", label=label, known=", ".join(recipe.classes))
        raise DataError(message, code="cannot_explain")
    squares = squares_of(recipe.grid(slide))
    boxes = np.concatenate([squares.corners, squares.corners + squares.side], axis=1).astype(np.float64)
    places = np.flatnonzero(tissue_mask(slide).shares(boxes) > 0.5)  # noqa: PLR2004 - mostly tissue
    if not len(places):
        raise DataError(Message("no_patch_of_tissue", slide=slide.path.name), code="no_tissue")
    if len(places) > MOST_PATCHES:
        places = places[np.linspace(0, len(places) - 1, MOST_PATCHES).astype(int)]
    target = recipe.classes.index(label)
    rows = []
    for number, place in enumerate(places):
        context.report(
            number / len(places),
            Message("patch", number=number + 1, total=len(places)),
        )
        own = type(squares)(squares.corners[place : place + 1], squares.side)
        rows.append(sorted_row(grad_cam_raw(recipe, recipe.pixel_rows(slide, own, context)[0], target)))
    return picture_of(np.stack(rows))


def sorted_row(values: NDArray[np.float64]) -> Picture:
    """Return the values of a map in decreasing order, resampled to (COLUMNS,)."""
    flat = np.sort(values.ravel())[::-1]
    at = np.linspace(0, len(flat) - 1, COLUMNS)
    row: Picture = np.interp(at, np.arange(len(flat)), flat).astype(np.float32)
    return row


def picture_of(rows: Picture) -> Picture:
    """Return (ROWS, COLUMNS) of rows (n, COLUMNS): every column sorted, the strongest rows kept, 0 below."""
    ordered = -np.sort(-rows, axis=0)[:ROWS]
    picture: Picture = np.zeros((ROWS, COLUMNS), dtype=np.float32)
    picture[: len(ordered)] = ordered
    return picture


def as_image(picture: Picture) -> Image.Image:
    """Return a picture as greys, black where it is strongest."""
    scaled = picture / max(float(picture.max()), 1e-12)
    return Image.fromarray(np.rint(255 * (1 - scaled)).astype(np.uint8))
