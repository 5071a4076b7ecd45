"""Pixel size and objective power in DICOM whole slide images."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

from ml.slides.dicom.header import Header, read_header, real_number, sequence_items
from ml.slides.resolution.scale import SQUARE_WITHIN, StatedSize

_MICROMETRES: Final = 1000.0


def read_dicom(path: Path, size: tuple[int, int]) -> tuple[StatedSize | None, float | None]:
    """Return the pixel size and objective power of a slide whose level 0 is ``size`` pixels.

    ``path`` may be any level of the series: sizes are scaled to level 0. The spacing of pixels decides, and
    the size of the imaged volume where there is none.

    References: DICOM PS3.3 C.7.6.16.2.1 (Pixel Measures), C.8.12.4 (Whole Slide Microscopy Image).
    """
    header = read_header(path, frames=False)
    if header is None:
        return None, None
    stated = _spacing(header, size)
    if stated is None:
        # Spacing of each frame is rare, and thousands of frames take long to parse.
        whole = read_header(path)
        stated = _spacing(whole, size) if whole is not None else None
    return stated or _volume(header, size), _power(header)


def _spacing(header: Header, size: tuple[int, int]) -> StatedSize | None:
    groups = [
        *header.items("SharedFunctionalGroupsSequence"),
        *header.items("PerFrameFunctionalGroupsSequence")[:1],
    ]
    measures = [one for group in groups for one in sequence_items(group, "PixelMeasuresSequence")]
    stated = (_pair(one) for one in (*measures, header.dataset))
    pair = next((one for one in stated if one is not None), None)
    if pair is None:
        return None
    columns, rows = header.size
    across, down = (columns or size[0]) / size[0], (rows or size[1]) / size[1]
    if abs(across / down - 1) < SQUARE_WITHIN:
        # The sizes of a level are rounded: the longer side tells its reduction best.
        across = down = across if size[0] >= size[1] else down
    return StatedSize("PixelSpacing", pair[0] * _MICROMETRES * across, pair[1] * _MICROMETRES * down)


def _pair(item: Any) -> tuple[float, float] | None:
    """Return the width and height of a pixel in mm, NaN for invalid ones; None where not stated."""
    try:
        # The first value is the distance of rows, hence the height of a pixel.
        down, across = item.PixelSpacing
    except AttributeError:
        return None
    except (TypeError, ValueError):
        return None if not getattr(item, "PixelSpacing", None) else (math.nan, math.nan)
    return _number(across), _number(down)


def _volume(header: Header, size: tuple[int, int]) -> StatedSize | None:
    x, y = (
        None if length is None else length * _MICROMETRES / count
        for length, count in zip(
            (real_number(header.dataset, f"ImagedVolume{side}") for side in ("Width", "Height")),
            size,
            strict=True,
        )
    )
    return None if x is None and y is None else StatedSize("ImagedVolumeWidth", x, y)


def _power(header: Header) -> float | None:
    path = next(iter(header.items("OpticalPathSequence")), None)
    return None if path is None else real_number(path, "ObjectiveLensPower")


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
