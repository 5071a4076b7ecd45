"""Reading image files and masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from scipy import ndimage

from ml.contracts import Bounds, Channel, DataError
from ml.slides import SlideError, find_channels, open_as


def read_image(path: Path, side: int | None = None, channels: Sequence[Channel] = ()) -> NDArray[np.uint8]:
    """Return RGB (height, width, 3), or ``channels`` as (height, width, n); with ``side``, as a square.

    Raises DataError that names the file: ``bad_image``, ``other_channels`` or ``several_channels``.
    """
    if channels:
        return _read_channels(path, side, channels)
    try:
        with Image.open(path) as image:
            if is_multiple(image) and (several := find_channels(path)) is not None:
                message = (
                    f"{path} has the channels {', '.join(several.names)}, and this method reads colour "
                    "images. Choose a method that takes channels, such as convolutional, unet or nuclei."
                )
                raise DataError("several_channels", message)
            rgb = image.convert("RGB")
            if side is not None and rgb.size != (side, side):
                rgb = rgb.resize((side, side), Image.Resampling.BOX, reducing_gap=None)
            return np.asarray(rgb)
    except (OSError, UnidentifiedImageError) as error:
        message = f"{path} is no image that can be read: {error}."
        raise DataError("bad_image", message) from error


def is_multiple(image: Image.Image) -> bool:
    """Say whether an open image may have channels that are no colours."""
    return image.format == "TIFF" and (image.mode != "RGB" or getattr(image, "n_frames", 1) > 1)


def _read_channels(path: Path, side: int | None, channels: Sequence[Channel]) -> NDArray[np.uint8]:
    try:
        with open_as(path, channels) as reader:
            size = (reader.width, reader.height) if side is None else (side, side)
            return reader.read(Bounds(0, 0, reader.width, reader.height), size)
    except SlideError as error:
        message = f"{path} is no image that can be read: {error}"
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
