"""Stored values of a deep TIFF that are shown as black and as brightest.

The file states it (MaxSampleValue, SignificantBits of OME-XML, fewer bits per sample), or else the values
that it uses do, rounded up to whole bits: 972 is the most of a 10-bit camera, 4080 of a 12-bit one. So an
image that fills its bits is never stretched, and one that fills a part of them is never black.

References
----------
TIFF Revision 6.0 (Adobe, 1992), section 8 (MaxSampleValue) and 19 (SMaxSampleValue);
OME-XML schema 2016-06 (Pixels, SignificantBits).

"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml.slides.tiff.wide_samples import read_type

FULL: Final = 255
# A level of so many pixels is measured as a whole; of a larger one, tiles spread over it are.
_WHOLE: Final = 1 << 26
_BLOCK: Final = 1024
_SAMPLED_ACROSS: Final = 8
_TOP_TAGS: Final = ("MaxSampleValue", "SMaxSampleValue")
_SIGNIFICANT: Final = re.compile(r'\bSignificantBits="(\d{1,2})"')

# ``read(level, box)``: stored samples (h, w, n) of a box (left, top, right, bottom) of a level.
ReadStored = Callable[[int, tuple[int, int, int, int]], NDArray[Any]]


def scale_of(page: Any, ome_pixels: str, sizes: list[tuple[int, int]], read: ReadStored) -> tuple[int, int]:
    """Return the stored values (low, high) shown as black and as brightest.

    ``ome_pixels`` is the OME-XML of the image; ``sizes`` are (width, height) of its levels for ``read``.
    """
    keyframe = page.keyframe
    dtype = read_type(keyframe.dtype)
    stated = _stated_top(keyframe, ome_pixels)
    if dtype == np.bool_:
        return 0, 1
    if dtype == np.uint8:
        return 0, stated or _most_of_bits(keyframe)
    low, high = measured_range(sizes, read)
    # A statement that the values contradict is wrong.
    if low >= 0 and stated is not None and high <= stated:
        return 0, stated
    return (0 if low >= 0 else -whole_bits(-low)), max(1, whole_bits(high))


def whole_bits(value: int) -> int:
    """Return the largest number of as many bits as ``value`` needs: 1023 for 972."""
    return (1 << max(0, value).bit_length()) - 1


def measured_range(sizes: list[tuple[int, int]], read: ReadStored) -> tuple[int, int]:
    """Return the lowest and highest stored value, in bounded time: by samples of a large slide."""
    low, high = 1 << 31, -(1 << 31)
    for level, box in _places(sizes):
        pixels = read(level, box)
        low, high = min(low, int(pixels.min())), max(high, int(pixels.max()))
    return low, high


def finite_ranges(sizes: list[tuple[int, int]], read: ReadStored) -> list[tuple[float, float]]:
    """Return the lowest and highest finite value of each sample, measured as in ``measured_range``."""
    lows: NDArray[np.float64] | None = None
    highs: NDArray[np.float64] | None = None
    for level, box in _places(sizes):
        pixels = read(level, box).astype(np.float64)
        finite = np.isfinite(pixels)
        low = np.where(finite, pixels, np.inf).min(axis=(0, 1))
        high = np.where(finite, pixels, -np.inf).max(axis=(0, 1))
        lows = low if lows is None else np.minimum(lows, low)
        highs = high if highs is None else np.maximum(highs, high)
    if lows is None or highs is None:
        return []
    ranges = zip(lows.tolist(), highs.tolist(), strict=True)
    return [(low, high) if low <= high else (0.0, 0.0) for low, high in ranges]


def _places(sizes: list[tuple[int, int]]) -> list[tuple[int, tuple[int, int, int, int]]]:
    """Return the boxes to measure, each with its level."""
    whole = next((level for level, size in enumerate(sizes) if size[0] * size[1] <= _WHOLE), None)
    places = [(whole, box) for box in _blocks(sizes[whole])] if whole is not None else []
    return places if whole == 0 else [*places, *((0, box) for box in _spread(sizes[0]))]


def _blocks(size: tuple[int, int]) -> list[tuple[int, int, int, int]]:
    width, height = size
    return [
        (left, top, min(left + _BLOCK, width), min(top + _BLOCK, height))
        for top in range(0, height, _BLOCK)
        for left in range(0, width, _BLOCK)
    ]


def _spread(size: tuple[int, int]) -> list[tuple[int, int, int, int]]:
    boxes = _blocks(size)
    step = max(1, len(boxes) // _SAMPLED_ACROSS**2)
    return boxes[step // 2 :: step]


def _stated_top(page: Any, ome_pixels: str) -> int | None:
    """Return the highest value by the bits that the file states; None for none, or for all bits."""
    bits = page.bitspersample if isinstance(page.bitspersample, int) else page.dtype.itemsize * 8
    full = whole_bits((1 << bits) - 1)
    match = _SIGNIFICANT.search(ome_pixels)
    if match and 0 < int(match[1]) < bits:
        return whole_bits((1 << int(match[1])) - 1)
    for name in _TOP_TAGS:
        top = _number(page.tags.get(name))
        # Of 8-bit images the tag is a statistic more often than a scale.
        exact = top is not None and whole_bits(top) == top
        if top is not None and 0 < top < full and (page.dtype.itemsize > 1 or exact):
            return whole_bits(top)
    return None


def _most_of_bits(page: Any) -> int:
    bits = page.bitspersample if isinstance(page.bitspersample, int) else 8
    return (1 << min(8, bits)) - 1


def _number(tag: Any) -> int | None:
    values = np.ravel(tag.value) if tag is not None else np.zeros(0)
    try:
        return int(max(values)) if len(values) else None
    except (TypeError, ValueError, OverflowError):
        return None
