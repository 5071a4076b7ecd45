"""Views of each patch with the same centre: the patch itself, then wider ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml.contracts import Channel, DataError
from ml.data.folders.images import read_image
from ml.messages import Message


def image_views(
    path: Path, patch: int, pixels: int, factors: Sequence[int], channels: Sequence[Channel] = ()
) -> NDArray[np.uint8]:
    """Return views (views, pixels, pixels, 3 or channels) about the centre of an image.

    Raises DataError(``small_image``) where the widest view does not fit.
    """
    planes = [Image.fromarray(plane) for plane in np.moveaxis(read_image(path, None, channels), -1, 0)]
    width, height = planes[0].size
    need = patch * max(factors)
    if min(width, height) < need:
        message = Message(
            "image_too_small",
            image=str(path),
            width=width,
            height=height,
            patch=patch,
            need=need,
            most=min(width, height) // max(factors),
        )
        raise DataError(message, code="small_image")
    views = []
    for factor in factors:
        left, top = (width - patch * factor) // 2, (height - patch * factor) // 2
        box = (left, top, left + patch * factor, top + patch * factor)
        view = [plane.resize((pixels, pixels), Image.Resampling.BOX, box=box) for plane in planes]
        views.append(np.stack([np.asarray(plane) for plane in view], axis=-1))
    return np.stack(views)
