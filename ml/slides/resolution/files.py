"""Reader of the scale of any slide file, from the places where its format states it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import openslide
from PIL import Image

from ml.slides.dicom.header import is_dicom
from ml.slides.files.sources import IMAGE_ERRORS
from ml.slides.resolution.dicom import read_dicom
from ml.slides.resolution.formats import find_vendor, is_tiff
from ml.slides.resolution.lengths import parse_number
from ml.slides.resolution.scale import Scale, StatedSize, judge_scale
from ml.slides.resolution.tiff import Statements, read_tiff

_INCH: Final = 25_400.0
# Their headers are general TIFF headers with a description that tifffile reads as well as OpenSlide.
_READ_AS_TIFF: Final = frozenset({"aperio"})


def read_scale(path: Path, size: tuple[int, int]) -> Scale:
    """Return pixel size and objective power of a slide whose level 0 is ``size`` = (width, height) pixels.

    ``path`` is a slide file, one file of a DICOM series, or a folder with a series. Values that cannot be
    right are left out and named in the notes. Raises OSError where the file cannot be read.
    """
    return judge_scale(*_read_statements(_main_file(Path(path)), size))


def _main_file(path: Path) -> Path:
    if not path.is_dir():
        return path
    files = (file for file in sorted(path.iterdir()) if file.is_file() and is_dicom(file))
    return next(files, path)


def _read_statements(path: Path, size: tuple[int, int]) -> Statements:
    if path.is_dir():
        return None, None
    if is_dicom(path):
        return read_dicom(path, size)
    vendor = find_vendor(path)
    if vendor is not None and vendor not in _READ_AS_TIFF:
        return _read_openslide(path)
    if is_tiff(path):
        return read_tiff(path, size)
    return _read_image(path), None


_SCALE_PROPERTIES: Final = ("openslide.mpp-x", "openslide.mpp-y", "openslide.objective-power")


def _read_openslide(path: Path) -> Statements:
    """Return the scale by OpenSlide from the headers of Hamamatsu, Leica, MIRAX, Ventana and others."""
    try:
        with openslide.OpenSlide(path) as slide:
            # OpenSlide lists names in damaged headers for which it has no value.
            values = [slide.properties.get(name) for name in _SCALE_PROPERTIES]
    except openslide.OpenSlideError:
        return None, None
    x, y, power = (None if value is None else parse_number(value) for value in values)
    return None if x is None and y is None else StatedSize("OpenSlide", x, y), power


def _read_image(path: Path) -> StatedSize | None:
    """Return the size from a PNG's pHYs or a JPEG's density, where these have a unit."""
    try:
        with Image.open(path) as image:
            info: dict[Any, Any] = dict(image.info)
    except IMAGE_ERRORS:
        return None
    dots = info.get("dpi")
    if not dots:
        return None
    x, y = (_INCH / float(count) if count else float("nan") for count in dots)
    return StatedSize("pHYs" if "jfif" not in info else "JFIF", x, y)
