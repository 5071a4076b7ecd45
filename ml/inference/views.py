"""Several views of each patch with the same centre: the patch itself, then wider and wider ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml.contracts import DataError, SlideReader
from ml.data.images import read_image
from ml.inference.patches import BLOCK, Squares, read_patches


def read_views(
    reader: SlideReader, squares: Squares, pixels: int, factors: Sequence[int]
) -> Iterator[tuple[slice, NDArray[np.uint8]]]:
    """Yield (which, (n, views, pixels, pixels, 3) RGB); view k is ``factors[k]`` times as wide as the patch.

    What lies outside the slide is white.
    """
    for start in range(0, len(squares), BLOCK):
        part = slice(start, min(start + BLOCK, len(squares)))
        views = np.empty((part.stop - part.start, len(factors), pixels, pixels, 3), dtype=np.uint8)
        for number, factor in enumerate(factors):
            corners = squares.corners[part] - squares.side * (factor - 1) // 2
            wide = Squares(corners, squares.side * factor)
            for inner, patches in read_patches(reader, wide, pixels):
                views[inner, number] = patches
        yield part, views


def image_views(path: Path, patch: int, pixels: int, factors: Sequence[int]) -> NDArray[np.uint8]:
    """Return views (views, pixels, pixels, 3) about the centre of an image.

    Raises DataError(``small_image``) where the widest view does not fit.
    """
    image = Image.fromarray(read_image(path))
    need = patch * max(factors)
    if min(image.size) < need:
        message = (
            f"{path} is {image.width} x {image.height} pixels; views of {patch} px and wider need {need}. "
            f"Set the patch side to at most {min(image.size) // max(factors)}."
        )
        raise DataError("small_image", message)
    views = []
    for factor in factors:
        left, top = (image.width - patch * factor) // 2, (image.height - patch * factor) // 2
        box = (left, top, left + patch * factor, top + patch * factor)
        view = image.resize((pixels, pixels), Image.Resampling.BOX, box=box)
        views.append(np.asarray(view))
    return np.stack(views)
