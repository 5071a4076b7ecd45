"""DICOM by pydicom's own decoders and frame arithmetic, for the pixel check.

Only plain slides are decoded: one optical path and one focal plane, 8 bits, tiles in rows. For others there
is no second decoder. Nothing is shared with ``ml.slides.dicom``.
"""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.misc import is_dicom
from pydicom.pixels.processing import convert_color_space
from pydicom.pixels.utils import pixel_array

from ml.messages import Message
from ml.slides.errors import SlideError

_HELD_FRAMES: Final = 64
_BYTE: Final = 8
_LARGEST_FRAME: Final = 4096
_MOST_FILES: Final = 256
# Times less colourful than in the other colour model.
_CLEAR: Final = 1.5
_HEADER: Final = [
    "SeriesInstanceUID", "ImageType", "Rows", "Columns", "TotalPixelMatrixColumns", "TotalPixelMatrixRows",
    "NumberOfFrames", "SamplesPerPixel", "BitsAllocated", "BitsStored", "PixelRepresentation",
    "PhotometricInterpretation", "DimensionOrganizationType", "ConcatenationUID",
]  # fmt: skip
_COLOURS: Final = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "MONOCHROME2"})


class PydicomLevels:
    """A ``LevelSource`` of a plain DICOM slide; raises SlideError(``unreadable``) for a damaged frame."""

    def __init__(self, headers: Sequence[pydicom.FileDataset]) -> None:
        self._headers = list(headers)
        self.sizes = [(one.TotalPixelMatrixColumns, one.TotalPixelMatrixRows) for one in headers]
        self.mpp: float | None = None
        self.magnification: float | None = None
        self._held: OrderedDict[tuple[int, int], NDArray[np.uint8]] = OrderedDict()
        self._is_rgb: dict[int, bool] = {}

    def fetch(self, level: int, box: tuple[int, int, int, int]) -> NDArray[np.uint8]:
        """See ``LevelSource``."""
        left, top, right, bottom = box
        header = self._headers[level]
        across = -(-self.sizes[level][0] // header.Columns)
        out = np.full((bottom - top, right - left, 3), 255, np.uint8)
        for row in range(top // header.Rows, (bottom - 1) // header.Rows + 1):
            for column in range(left // header.Columns, (right - 1) // header.Columns + 1):
                frame = self._frame(level, row * across + column)
                y, x = row * header.Rows, column * header.Columns
                part = frame[max(top - y, 0) : bottom - y, max(left - x, 0) : right - x]
                y0, x0 = max(y - top, 0), max(x - left, 0)
                out[y0 : y0 + part.shape[0], x0 : x0 + part.shape[1]] = part
        return out

    def close(self) -> None:
        """Drop the frames."""
        self._held.clear()

    def _frame(self, level: int, number: int) -> NDArray[np.uint8]:
        key = (level, number)
        if key not in self._held:
            samples = self._samples(level, number)
            if samples.ndim == 2:  # noqa: PLR2004 - one sample a pixel
                samples = np.repeat(samples[..., None], 3, axis=2)
            elif not self._shows_rgb(level):
                samples = convert_color_space(samples, "YBR_FULL", "RGB")
            self._held[key] = samples
            if len(self._held) > _HELD_FRAMES:
                self._held.popitem(last=False)
        return self._held[key]

    def _samples(self, level: int, number: int) -> NDArray[np.uint8]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                samples: Any = pixel_array(str(self._headers[level].filename), index=number, raw=True)
        # Decoding plugins raise errors of their own, with no common base but Exception.
        except Exception as error:
            message = Message("part_damaged")
            raise SlideError(message, code="unreadable") from error
        return np.asarray(samples, np.uint8)

    def _shows_rgb(self, level: int) -> bool:
        """Return whether samples are RGB: by the clearly less colourful model, else by the header.

        Glass and most tissue are near grey, and become colourful when taken for the other model.
        """
        if level not in self._is_rgb:
            count = int(self._headers[level].get("NumberOfFrames") or 1)
            numbers = sorted({0, count // 2, count - 1})
            samples = np.concatenate([self._samples(level, one).reshape(-1, 3) for one in numbers])[None]
            as_ycbcr = convert_color_space(samples, "YBR_FULL", "RGB")
            taken_as_rgb, taken_as_ycbcr = _colourfulness(samples), _colourfulness(as_ycbcr)
            stated = not self._headers[level].PhotometricInterpretation.startswith("YBR_FULL")
            is_clear = max(taken_as_rgb, taken_as_ycbcr) > _CLEAR * min(taken_as_rgb, taken_as_ycbcr)
            self._is_rgb[level] = taken_as_rgb < taken_as_ycbcr if is_clear else stated
        return self._is_rgb[level]


def open_dicom(path: Path) -> PydicomLevels | None:
    """Return the levels of a plain DICOM slide; None for files that this decoder does not support."""
    try:
        headers = _headers(path)
        levels = PydicomLevels(headers) if headers else None
        if levels is not None:
            levels.fetch(0, (0, 0, 1, 1))
    # A header that cannot be parsed leaves no second witness; the reader tells why.
    except Exception:  # noqa: BLE001 - see above
        return None
    return levels


def _headers(path: Path) -> list[pydicom.FileDataset]:
    """Return the headers of the levels, largest first; empty unless all are plain."""
    folder = path if path.is_dir() else path.parent
    files = [file for file in sorted(folder.iterdir()) if file.is_file() and is_dicom(file)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read = [pydicom.dcmread(file, specific_tags=_HEADER) for file in files[:_MOST_FILES]]
        own = read[0] if path.is_dir() else next(one for one in read if Path(str(one.filename)) == path)
        levels = [
            one
            for one in read
            if one.SeriesInstanceUID == own.SeriesInstanceUID and "VOLUME" in (one.get("ImageType") or ())
        ]
        sizes = {one.TotalPixelMatrixColumns for one in levels}
        if len(sizes) < len(levels) or not all(_is_plain(one) for one in levels):
            return []
    return sorted(levels, key=lambda one: -one.TotalPixelMatrixColumns)


def _is_plain(header: pydicom.FileDataset) -> bool:
    across = -(-header.TotalPixelMatrixColumns // header.Columns)
    down = -(-header.TotalPixelMatrixRows // header.Rows)
    return (
        header.get("DimensionOrganizationType") == "TILED_FULL"
        and not header.get("ConcatenationUID")
        and int(header.get("NumberOfFrames") or 1) == across * down
        and header.BitsAllocated == _BYTE
        and header.get("BitsStored") == _BYTE
        and not header.get("PixelRepresentation")
        and max(header.Rows, header.Columns) <= _LARGEST_FRAME
        and header.PhotometricInterpretation in _COLOURS
        # pydicom believes the header of native frames, whose length may show that it is wrong.
        and not (header.PhotometricInterpretation == "YBR_FULL_422" and not _is_encapsulated(header))
    )


def _is_encapsulated(header: pydicom.FileDataset) -> bool:
    return bool(header.file_meta.TransferSyntaxUID.is_encapsulated)


def _colourfulness(pixels: NDArray[np.uint8]) -> float:
    """Return the mean difference of the largest and the smallest of red, green and blue."""
    return float(np.ptp(pixels.astype(np.int16), axis=-1).mean())
