"""Reading image files and masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from scipy import ndimage

from ml.contracts import DataError


def read_image(path: Path, side: int | None = None) -> NDArray[np.uint8]:
    """Return RGB (height, width, 3); with ``side``, resized to a square of that side.

    Raises DataError(``bad_image``) that names the file.
    """
    try:
        with Image.open(path) as image:
            rgb = image.convert("RGB")
            if side is not None and rgb.size != (side, side):
                rgb = rgb.resize((side, side), Image.Resampling.BOX, reducing_gap=None)
            return np.asarray(rgb)
    except (OSError, UnidentifiedImageError) as error:
        message = f"{path} is no image that can be read: {error}."
        raise DataError("bad_image", message) from error


def read_instances(path: Path) -> NDArray[np.int32]:
    """Return an instance label image (height, width), 0 being background.

    An image with one value beside zero is a binary mask, of which each connected blob is one.
    """
    try:
        with Image.open(path) as image:
            plain = image if image.mode in {"I", "I;16", "L", "P", "1"} else image.convert("L")
            values = np.asarray(plain).astype(np.int32)
    except (OSError, UnidentifiedImageError) as error:
        message = f"{path} is no mask that can be read: {error}."
        raise DataError("bad_image", message) from error
    if len(np.unique(values[values > 0])) > 1:
        return values
    blobs: NDArray[np.int32] = ndimage.label(values > 0)[0].astype(np.int32)
    return blobs
