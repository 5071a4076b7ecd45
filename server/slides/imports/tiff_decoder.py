"""A TIFF by tifffile and imagecodecs: the independent decoder of the pixel check.

It takes from ``ml`` only the decisions that are compared (image, focal plane, orientation, scale); the pages
are located, and the samples decoded and put into place, by tifffile alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import tifffile
from numpy.typing import NDArray

from ml.messages import Message
from ml.slides.errors import SlideError
from ml.slides.tiff.channels import channel_axis
from ml.slides.tiff.colours import Colours, colours_of
from ml.slides.tiff.failures import damaged_part, refuse_unsupported
from ml.slides.tiff.images import TiffImage, list_images, read_page
from ml.slides.tiff.interpretation import HEADER_ERRORS, STITCHED, Interpretation, vendor_of
from ml.slides.tiff.orientation import orientation_of_level, shown_size, stored_box, turn

# A page of so many samples is decoded whole, by the most direct way that tifffile has.
_WHOLE: Final = 1 << 25
_WORD: Final = 65535
_LARGEST_SEGMENT: Final = 1 << 28

Box = tuple[int, int, int, int]


class TiffDecoder:
    """A ``LevelSource`` of one image of a TIFF, or of one channel of it as grey from ``low`` to ``high``."""

    def __init__(self, path: Path, interpretation: Interpretation, channel: int | None = None) -> None:
        self._file = tifffile.TiffFile(path, _multifile=False)
        try:
            self._describe(interpretation, channel)
        except BaseException:
            self._file.close()
            raise
        self._whole: tuple[Any, NDArray[Any]] | None = None
        self._places: dict[int, list[tuple[int, int, int, int, int]]] = {}

    def _describe(self, interpretation: Interpretation, channel: int | None) -> None:
        image = list_images(self._file)[interpretation.image]
        self._levels, self._sample = _pages(image, interpretation, channel)
        self._span = interpretation.spans[channel or 0] if interpretation.spans else None
        full = self._levels[0][0]
        for pages in self._levels:
            refuse_unsupported(pages[0], most_samples=32)
        self._colours: list[Colours] = [
            colours_of(pages[0], interpretation.low, interpretation.high) for pages in self._levels
        ]
        self._orientations = [orientation_of_level(pages[0], full) for pages in self._levels]
        self.sizes = [
            shown_size((int(pages[0].keyframe.imagewidth), int(pages[0].keyframe.imagelength)), orientation)
            for pages, orientation in zip(self._levels, self._orientations, strict=True)
        ]

    def fetch(self, level: int, box: Box) -> NDArray[np.uint8]:
        """See ``LevelSource``."""
        orientation = self._orientations[level]
        stored = stored_box(box, self.sizes[level], orientation)
        try:
            parts = [self._samples(page, stored) for page in self._levels[level]]
        except SlideError:
            raise
        # Codecs raise errors of their own, which have no common base but Exception.
        except Exception as error:
            raise damaged_part(error) from error
        colours = self._colours[level]
        if self._sample is not None:
            parts = [parts[0][..., self._sample : self._sample + 1]]
        if self._span is not None:
            parts = [_as_words(part, *self._span) for part in parts]
        if len(parts) == 1:
            rgb = colours.to_rgb(parts[0])
        else:
            rgb = np.stack([colours.to_rgb(part)[..., 0] for part in parts], axis=-1)
        return np.ascontiguousarray(turn(rgb, orientation))

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    def _samples(self, page: Any, box: Box) -> NDArray[Any]:
        """Return (h, w, samples) of a box of stored pixels."""
        left, top, right, bottom = box
        keyframe = page.keyframe
        if keyframe.imagewidth * keyframe.imagelength * keyframe.samplesperpixel <= _WHOLE:
            if self._whole is None or self._whole[0] is not page:
                planes, _, rows, columns, together = keyframe.shaped
                pixels = page.asarray().reshape(planes, rows, columns, together)
                pixels = np.moveaxis(pixels, 0, -1).reshape(rows, columns, planes * together)
                self._whole = page, pixels
            return self._whole[1][top:bottom, left:right]
        return self._some_segments(page, box)

    def _some_segments(self, page: Any, box: Box) -> NDArray[Any]:
        left, top, right, bottom = box
        keyframe = page.keyframe
        out = np.zeros(
            (bottom - top, right - left, int(keyframe.samplesperpixel)), keyframe.dtype.newbyteorder("=")
        )
        for number, (plane, y, x, height, width) in enumerate(self._segment_places(page)):
            y0, y1, x0, x1 = max(y, top), min(y + height, bottom), max(x, left), min(x + width, right)
            if y0 >= y1 or x0 >= x1 or not page.databytecounts[number]:
                continue
            self._file.filehandle.seek(page.dataoffsets[number])
            data = self._file.filehandle.read(page.databytecounts[number])
            decoded = keyframe.decode(data, number, jpegtables=keyframe.jpegtables)[0]
            if decoded is None:
                continue
            part = decoded[0, y0 - y : y1 - y, x0 - x : x1 - x]
            first = plane if keyframe.planarconfig != 1 else 0
            out[y0 - top : y1 - top, x0 - left : x1 - left, first : first + part.shape[2]] = part
        return out

    def _segment_places(self, page: Any) -> list[tuple[int, int, int, int, int]]:
        """Return (plane, top, left, height, width) of each segment, as tifffile places it."""
        keyframe = page.keyframe
        if id(keyframe) not in self._places:
            places = []
            for number in range(len(page.dataoffsets)):
                _, (plane, _, top, left, _), (_, height, width, _) = keyframe.decode(None, number)
                if height * width * keyframe.samplesperpixel > _LARGEST_SEGMENT:
                    message = Message("strips_too_large_to_check")
                    raise SlideError(message, code="too_large")
                places.append((int(plane), int(top), int(left), int(height), int(width)))
            self._places[id(keyframe)] = places
        return self._places[id(keyframe)]


def _as_words(part: NDArray[Any], first: float, step: float) -> NDArray[np.uint16]:
    """Return samples of 32 bits as numbers of 16 bits, by interpolation between both ends."""
    numbers = np.where(np.isnan(part), first, part).astype(np.float64)
    words = np.interp(numbers, (first, first + step * _WORD), (0, _WORD))
    return np.asarray(np.rint(words), np.uint16)


def _pages(
    image: TiffImage, interpretation: Interpretation, channel: int | None
) -> tuple[list[list[Any]], int | None]:
    """Return the pages of each level, and the samples of the channel; None: all of them."""
    axis = channel_axis(image)
    levels = image.series.levels
    if image.page:
        return [[level.pages[image.page]] for level in levels], None
    plane = interpretation.plane
    if axis is None or axis == "S" or (channel is None and not interpretation.planes):
        return [[_page(level, Z=plane)] for level in levels], channel
    chosen = interpretation.planes if channel is None else (channel,)
    return [[_page(level, **{axis: index, "Z": plane}) for index in chosen] for level in levels], None


def _page(level: Any, **place: int) -> Any:
    """Return the page of a level at a place on its axes, such as channel ``C`` and focal plane ``Z``."""
    sizes = {name: size for name, size in zip(level.axes, level.shape, strict=True) if name not in "YXS"}
    number = np.ravel_multi_index([place.get(name, 0) for name in sizes], tuple(sizes.values()))
    return read_page(level, int(number))


def open_tiff_decoder(
    path: Path, interpretation: Interpretation, channel: int | None = None
) -> TiffDecoder | None:
    """Return a decoder of a TIFF, None where tifffile cannot decode it or OpenSlide stitches its tiles."""
    if vendor_of(path) in STITCHED:
        return None
    try:
        return TiffDecoder(path, interpretation, channel)
    except (SlideError, *HEADER_ERRORS):
        return None
