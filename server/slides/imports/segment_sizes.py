"""Refusal of files with tiles, strips or frames that are too large to decode while users view them.

Declared sizes decide: a strip of 20,000 x 20,000 pixels packs to a few hundred kilobytes, and every tile that
touches it would cost its whole size in a web process. It knows no Django.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any, Final

import tifffile

from ml.messages import Message
from ml.slides.dicom.header import is_dicom, read_header
from ml.slides.files.companions import MIRAX, mirax_image_sides
from ml.slides.resolution.formats import is_tiff
from ml.slides.tiff.interpretation import HEADER_ERRORS
from ml.slides.tiff.segments import LARGEST_SEGMENT, segment_bytes
from server.slides.errors import UnreadableSlideError

# Levels, planes and pictures of a slide; the interpretation refuses what has more.
_MOST_PAGES: Final = 100_000


def refuse_giant_segments(path: Path) -> None:
    """Raise UnreadableSlideError(``too_large``) for a file with a segment above ``LARGEST_SEGMENT`` bytes."""
    if _largest_of(path) > LARGEST_SEGMENT:
        message = Message(
            "strips_too_large",
            file=path.name,
        )
        raise UnreadableSlideError(message, code="too_large")


def _largest_of(path: Path) -> int:
    if path.suffix.lower() == MIRAX:
        width, height = mirax_image_sides(path)
        # OpenSlide decodes an image whole, into four bytes a pixel, and refuses one of another size.
        return width * height * 4
    return _largest_of_tiff(path) if is_tiff(path) else _frame_of_dicom(path) if is_dicom(path) else 0


def _largest_of_tiff(path: Path) -> int:
    try:
        with tifffile.TiffFile(path, _multifile=False) as tiff:
            return max((_bytes_of(page) for page in islice(tiff.pages, _MOST_PAGES)), default=0)
    # The readers name what is wrong with a header.
    except HEADER_ERRORS:
        return 0


def _bytes_of(page: Any) -> int:
    keyframe = page.keyframe
    # Raw samples are read row by row.
    return 0 if keyframe.is_memmappable and not keyframe.is_tiled else segment_bytes(keyframe)


def _frame_of_dicom(path: Path) -> int:
    header = read_header(path, frames=False)
    if header is None:
        return 0
    sides = [header.whole(name) or 0 for name in ("Rows", "Columns")]
    return (
        sides[0]
        * sides[1]
        * (header.whole("SamplesPerPixel") or 1)
        * (header.whole("BitsAllocated") or 8)
        // 8
    )
