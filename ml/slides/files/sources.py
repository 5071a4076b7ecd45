"""Slide files beside TIFF: OpenSlide's formats and plain images."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Final

import numpy as np
import openslide
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ml.messages import Message
from ml.reasons import reason_of, tells_damage
from ml.slides.errors import SlideError
from ml.slides.tiff.scale import FULL, whole_bits

# What Pillow raises for a damaged image, or for one that would fill the memory.
IMAGE_ERRORS: Final = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)
_EXIF_ORIENTATION: Final = 0x0112
_EXCHANGED: Final = frozenset({5, 6, 7, 8})


def unreadable(path: Path, reason: object) -> SlideError:
    """Return the error for pixels that could not be read; it asks for a new copy only of a damaged file."""
    text = reason_of(reason)
    if tells_damage(text):
        return SlideError(
            Message(
                "pixels_damaged",
                file=path.name,
                reason=text,
            ),
            code="unreadable",
        )
    return SlideError(
        Message(
            "pixels_unreadable",
            file=path.name,
            reason=text,
        ),
        code="unreadable",
    )


class OpenSlideSource:
    """A slide file that OpenSlide reads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._slide = openslide.OpenSlide(path)
        self.sizes = [(int(width), int(height)) for width, height in self._slide.level_dimensions]
        self._downsamples = self._slide.level_downsamples

    def fetch(self, level: int, box: tuple[int, int, int, int]) -> NDArray[np.uint8]:
        """See ``LevelSource``. OpenSlide takes the corner in level-0 pixels."""
        left, top, right, bottom = box
        corner = (round(left * self._downsamples[level]), round(top * self._downsamples[level]))
        try:
            region = self._slide.read_region(corner, level, (right - left, bottom - top))
        except openslide.OpenSlideError as error:
            raise unreadable(self._path, error) from error
        return over_white(region)

    def close(self) -> None:
        """Release the file."""
        self._slide.close()


def as_bytes(image: Image.Image) -> Image.Image:
    """Return an image of 16 bits in 8, scaled by its bits in use; others unchanged.

    Pillow itself would cut off all values above 255.
    """
    if not image.mode.startswith("I"):
        return image
    values = np.asarray(image).astype(np.int64)
    top = max(FULL, whole_bits(int(values.max(initial=0))))
    return Image.fromarray(np.rint(np.clip(values, 0, top) * (FULL / top)).astype(np.uint8))


def over_white(image: Image.Image) -> NDArray[np.uint8]:
    """Return RGB with transparent pixels laid over white."""
    if "A" not in image.getbands():
        return np.asarray(image.convert("RGB"))
    rgba = np.asarray(image.convert("RGBA"))
    alpha = rgba[..., 3]
    if alpha.min() == np.iinfo(np.uint8).max:
        return np.ascontiguousarray(rgba[..., :3])
    white = Image.new("RGBA", image.size, (255, 255, 255, 255))
    return np.asarray(Image.alpha_composite(white, image.convert("RGBA")).convert("RGB"))


class ImageSource:
    """A plain PNG or JPEG, decoded whole on the first read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            self._image = Image.open(path)
        width, height = self._image.size
        try:
            turned = self._image.getexif().get(_EXIF_ORIENTATION, 1) in _EXCHANGED
        except IMAGE_ERRORS:
            self._image.close()
            raise
        self.sizes = [(height, width) if turned else (width, height)]
        self._pixels: NDArray[np.uint8] | None = None

    def fetch(self, level: int, box: tuple[int, int, int, int]) -> NDArray[np.uint8]:  # noqa: ARG002 - there is one level
        """See ``LevelSource``."""
        if self._pixels is None:
            try:
                upright = ImageOps.exif_transpose(self._image)
                self._pixels = over_white(as_bytes(upright))
            except IMAGE_ERRORS as error:
                raise unreadable(self._path, error) from error
        left, top, right, bottom = box
        return self._pixels[top:bottom, left:right]

    def close(self) -> None:
        """Release the file."""
        self._pixels = None
        self._image.close()
