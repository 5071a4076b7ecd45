"""Errors of TIFF files: an unsupported kind and damage are distinct."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import tifffile

from ml.messages import Message
from ml.slides.errors import SlideError
from ml.slides.tiff.wide_samples import WIDE

_COLOURS: Final = frozenset({"MINISWHITE", "MINISBLACK", "RGB", "PALETTE", "YCBCR"})
_KINDS: Final = WIDE | {np.dtype(kind) for kind in ("bool", "uint8", "int8", "uint16", "int16")}
_INK_SET, _CMYK = 332, 4
MOST_SAMPLES: Final = 4


def damaged_part(error: BaseException) -> SlideError:
    """Return the error for stored pixels of a supported kind that cannot be decoded."""
    if isinstance(error, EOFError):
        message = Message(
            "file_ends_early",
        )
        return SlideError(message, code="unreadable")
    message = Message("part_damaged")
    return SlideError(message, code="unreadable")


def refuse_unsupported(page: Any, most_samples: int = MOST_SAMPLES) -> None:
    """Raise SlideError(``unsupported``) naming the unsupported property of a page, if it has one."""
    problem = _unsupported(page.keyframe, most_samples)
    if problem is not None:
        raise SlideError(problem, code="unsupported")


def _unsupported(page: Any, most_samples: int) -> Message | None:
    compression = compression_name(page)
    if page.compression not in tifffile.TIFF.DECOMPRESSORS:
        return Message(
            "tiff_compression",
            compression=compression,
        )
    if page.dtype not in _KINDS:
        return Message(
            "tiff_samples",
            kind=_kind(page),
        )
    colours = _unsupported_colours(page)
    if colours is not None:
        return colours
    if page.imagedepth != 1 or not 1 <= page.samplesperpixel <= most_samples:
        return Message(
            "tiff_shape",
            samples=int(page.samplesperpixel),
            depth=int(page.imagedepth),
        )
    jpeg = page.compression in {6, 7, 34892, 33007}
    if page.is_subsampled and (not jpeg or page.planarconfig != 1):
        return Message(
            "tiff_subsampled",
        )
    return None


def _unsupported_colours(page: Any) -> Message | None:
    photometric = getattr(page.photometric, "name", str(page.photometric))
    if photometric == "SEPARATED" and not is_cmyk(page):
        return Message(
            "tiff_inks",
            samples=int(page.samplesperpixel),
        )
    if photometric not in _COLOURS and photometric != "SEPARATED":
        return Message(
            "tiff_colours",
            photometric=photometric,
        )
    return None


def is_cmyk(page: Any) -> bool:
    """Return whether a page holds the four inks cyan, magenta, yellow and black, of 8 or 16 bits."""
    inks = page.tags.get(_INK_SET)
    return (
        int(page.photometric) == tifffile.PHOTOMETRIC.SEPARATED
        and page.samplesperpixel == _CMYK
        and (inks is None or inks.value == 1)
        and page.dtype in {np.dtype(np.uint8), np.dtype(np.uint16)}
    )


def compression_name(page: Any) -> str:
    """Return the usual name of a page's compression, such as ``LZW``; its number where it has none."""
    return str(getattr(page.compression, "name", page.compression)).replace("_", " ")


def _kind(page: Any) -> str:
    if page.dtype is None:
        return f"{page.bitspersample}-bit"
    if page.dtype.kind == "f":
        return f"{page.dtype.itemsize * 8}-bit floating-point"
    if page.dtype.kind == "c":
        return "complex"
    return f"{page.dtype.itemsize * 8}-bit"
