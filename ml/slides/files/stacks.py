"""Focal planes and time points of a slide file: their numbers, and the chosen one.

A reader shows one plane at a time. The middle plane is the best guess at the focus, so it is the one that is
shown, and that models read, where a reader can choose; else it is the first. Of time points and of optical
paths of a colour slide, the first is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import tifffile

from ml.slides.dicom.header import is_dicom
from ml.slides.dicom.series import read_series
from ml.slides.errors import SlideError
from ml.slides.resolution.formats import is_tiff
from ml.slides.tiff.images import TiffImage, list_images
from ml.slides.tiff.interpretation import (
    HEADER_ERRORS,
    OPENSLIDE,
    Interpretation,
    interpretation_of,
    middle_plane,
)

_MOST_PLANES: Final = 100_000
_NDPI_FOCAL_OFFSET: Final = 65424


@dataclass(frozen=True)
class Stack:
    """Counts ``planes``, ``times`` and ``paths``; ``plane`` and ``time`` are the chosen ones, from 0.

    ``is_selectable``: another plane can be read. ``paths`` are colour images by different optical paths, of
    which the first is read; optical paths that are channels are not counted.
    """

    planes: int = 1
    plane: int = 0
    times: int = 1
    time: int = 0
    is_selectable: bool = False
    paths: int = 1

    def has_plane(self, plane: int) -> bool:
        """Return whether a plane can be shown."""
        return plane == self.plane or (self.is_selectable and 0 <= plane < self.planes)


def find_stack(path: Path) -> Stack:
    """Return the planes and time points of a slide; one of each for a file that states none."""
    if path.is_dir() or is_dicom(path):
        try:
            series = read_series(path)
        except SlideError:
            return Stack()
        paths = len(series.paths) if series.is_colour else 1
        planes = series.planes
        return Stack(planes, middle_plane(planes), is_selectable=planes > 1, paths=paths)
    try:
        if not is_tiff(path):
            return Stack()
        interpretation = interpretation_of(path)
        with tifffile.TiffFile(path, _multifile=False) as tiff:
            return _stack_of_tiff(tiff, interpretation)
    # A damaged directory makes tifffile fail in many ways; whether the file can be read is checked elsewhere.
    except (SlideError, *HEADER_ERRORS):
        return Stack()


def _stack_of_tiff(tiff: tifffile.TiffFile, interpretation: Interpretation) -> Stack:
    images = list_images(tiff)
    if interpretation.reader == OPENSLIDE:
        image = max(images, key=lambda one: one.area)
        plane, is_selectable = _plane_in_focus(image), False
    else:
        image = images[interpretation.image]
        plane, is_selectable = interpretation.plane, image.plane_count > 1
    planes, times = (min(image.length_of(axis), _MOST_PLANES) for axis in "ZT")
    return Stack(planes, plane, times, is_selectable=is_selectable)


def _plane_in_focus(image: TiffImage) -> int:
    """Return the number of the plane that OpenSlide shows of an NDPI file: the one without an offset."""
    for number, page in enumerate(image.series.pages):
        tag = page.tags.get(_NDPI_FOCAL_OFFSET) if isinstance(page, tifffile.TiffPage) else None
        if tag is not None and tag.value == 0:
            return number
    return 0
