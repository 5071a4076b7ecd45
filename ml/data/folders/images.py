"""Readers of image files and masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from ml.contracts import Bounds, Channel, DataError, LabelledImage
from ml.messages import Message
from ml.slides import SlideError, find_channels, open_as, open_slide
from ml.slides.files.sources import IMAGE_ERRORS, as_bytes


def read_image(path: Path, side: int | None = None, channels: Sequence[Channel] = ()) -> NDArray[np.uint8]:
    """Return RGB (height, width, 3), or ``channels`` as (height, width, n); with ``side``, as a square.

    Raises DataError that names the file: ``bad_image``, ``other_channels`` or ``several_channels``.
    """
    if channels:
        return _read_channels(path, side, channels)
    try:
        with Image.open(path) as image:
            if is_multiple(image) and (several := find_channels(path)) is not None:
                message = Message("image_of_channels", image=str(path), channels=", ".join(several.names))
                raise DataError(message, code="several_channels")
            rgb = _read_tiff(path) if _is_special(image) else _as_colour(image)
            if side is not None and rgb.size != (side, side):
                rgb = rgb.resize((side, side), Image.Resampling.BOX, reducing_gap=None)
            return np.asarray(rgb)
    except DataError:
        raise
    except IMAGE_ERRORS as error:
        _refuse_decimals(path)
        message = Message("image_unreadable_remove", image=str(path), reason=error)
        raise DataError(message, code="bad_image") from error


def _is_special(image: Image.Image) -> bool:
    """Return whether an open image is a TIFF whose samples Pillow may read as other colours."""
    return is_multiple(image) and image.mode != "F"


def _read_tiff(path: Path) -> Image.Image:
    """Return RGB of a TIFF by the reader of slides; raises OSError for a file that it does not support."""
    try:
        with open_slide(path) as reader:
            whole = Bounds(0, 0, reader.width, reader.height)
            return Image.fromarray(reader.read(whole, (reader.width, reader.height)))
    except SlideError as error:
        raise OSError(str(error)) from error


def _as_colour(image: Image.Image) -> Image.Image:
    """Return an open image as RGB, scaled from the bits in use; raises OSError for decimal numbers."""
    if image.mode == "F":
        message = "decimal numbers are no colours"
        raise OSError(message)
    return as_bytes(image).convert("RGB")


def _refuse_decimals(path: Path) -> None:
    """Raise DataError(``bad_image``) for a TIFF of decimal numbers, with the count of NaN and infinity."""
    try:
        values = tifffile.imread(path)
    except (tifffile.TiffFileError, OSError, ValueError):
        return
    if np.issubdtype(values.dtype, np.floating):
        wrong = int((~np.isfinite(values)).sum())
        message = (
            Message("image_of_decimals_and_nan", image=str(path), count=wrong)
            if wrong
            else Message("image_of_decimals", image=str(path))
        )
        raise DataError(message, code="bad_image")


def is_multiple(image: Image.Image) -> bool:
    """Return whether an open image may have channels that are no colours."""
    return image.format == "TIFF" and (image.mode != "RGB" or getattr(image, "n_frames", 1) > 1)


def _read_channels(path: Path, side: int | None, channels: Sequence[Channel]) -> NDArray[np.uint8]:
    try:
        with open_as(path, channels) as reader:
            size = (reader.width, reader.height) if side is None else (side, side)
            return reader.read(Bounds(0, 0, reader.width, reader.height), size)
    except SlideError as error:
        message = Message("image_cannot_be_read", image=str(path), reason=error)
        raise DataError(message, code="bad_image") from error


def read_masked(
    path: Path, mask: Path, channels: Sequence[Channel] = ()
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return an image as ``read_image`` and its mask as ``read_instances``; DataError(``bad_mask``)."""
    pixels, instances = read_image(path, None, channels), read_instances(mask)
    refuse_other_size(path, pixels.shape[:2], mask, instances.shape)
    return pixels, instances


def refuse_other_size(path: Path, shape: tuple[int, ...], mask: Path, mask_shape: tuple[int, ...]) -> None:
    """Raise DataError(``bad_mask``) unless an image and its mask are of the same (height, width)."""
    if shape != mask_shape:
        sizes = [f"{wide} x {tall}" for tall, wide in (mask_shape, shape)]
        message = Message(
            "mask_of_other_size", mask=str(mask), size=sizes[0], image=str(path), other=sizes[1]
        )
        raise DataError(message, code="bad_mask")


def read_outlined(
    image: LabelledImage, labels: Sequence[str], channels: Sequence[Channel] = ()
) -> tuple[NDArray[np.uint8], NDArray[np.int32], NDArray[np.int32]]:
    """Return the pixels of an image, its instances, and the number of each pixel's label (h, w).

    Labels count from 1; 0 is none, -1 a label that is not among ``labels``. Without ``kinds`` all instances
    are of the image's label, or else of the first. Raises DataError as ``read_masked`` does,
    ``bad_mask`` also for a number without a name.
    """
    if image.mask is None:
        message = Message("image_without_mask", image=str(image.path))
        raise DataError(message, code="no_masks")
    pixels, instances = read_masked(image.path, image.mask, channels)
    if image.kinds is None:
        number = labels.index(image.label) + 1 if image.label in labels else 1
        return pixels, instances, np.where(instances > 0, number, 0).astype(np.int32)
    numbers = _read_numbers(image.kinds)
    refuse_other_size(image.path, pixels.shape[:2], image.kinds, numbers.shape)
    if not 0 <= numbers.min(initial=0) <= numbers.max(initial=0) <= len(image.names):
        message = Message(
            "class_number_unnamed", image=str(image.kinds), number=int(numbers.max()), count=len(image.names)
        )
        raise DataError(message, code="bad_mask")
    known_as = [labels.index(name) + 1 if name in labels else -1 for name in image.names]
    if image.kinds == image.mask:
        instances = np.zeros_like(numbers)
        for number in np.unique(numbers[numbers > 0]):
            blobs, _ = ndimage.label(numbers == number)
            instances = np.where(blobs > 0, blobs + instances.max(), instances).astype(np.int32)
    return pixels, instances, np.array([0, *known_as], np.int32)[numbers]


def read_instances(path: Path) -> NDArray[np.int32]:
    """Return an instance label image (height, width), 0 being background.

    An image with one value beside zero is a binary mask; each of its connected blobs is one.
    """
    values = _read_numbers(path)
    if len(np.unique(values[values > 0])) > 1:
        return values
    blobs: NDArray[np.int32] = ndimage.label(values > 0)[0].astype(np.int32)
    return blobs


def _read_numbers(path: Path) -> NDArray[np.int32]:
    """Return the whole numbers (height, width) that an image holds; raises DataError(``bad_image``)."""
    try:
        with Image.open(path) as image:
            plain = image if image.mode in {"I", "I;16", "L", "P", "1", "F"} else image.convert("L")
            numbers = np.asarray(plain)
    except IMAGE_ERRORS as error:
        message = Message("mask_cannot_be_read", mask=str(path), reason=error)
        raise DataError(message, code="bad_image") from error
    if not np.isfinite(numbers).all():
        message = Message("mask_pixels_not_numbers", mask=str(path))
        raise DataError(message, code="bad_image")
    return numbers.astype(np.int32)
