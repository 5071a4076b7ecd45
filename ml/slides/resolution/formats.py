"""The name of a slide file's format, from its content."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import openslide
import tifffile

from ml.slides.dicom.header import is_dicom

_VENDORS: Final = {
    "aperio": "Aperio SVS",
    "dicom": "DICOM",
    "hamamatsu": "Hamamatsu NDPI",
    "leica": "Leica SCN",
    "mirax": "MIRAX",
    "philips-tiff": "Philips TIFF",
    "sakura": "Sakura",
    "trestle": "Trestle TIFF",
    "ventana": "Ventana BIF",
    "zeiss": "Zeiss CZI",
}
GENERIC_TIFF: Final = "generic-tiff"
TIFF_MARKS: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# tifffile's own tests of a TIFF's header, in the order in which they decide.
_TIFF_KINDS: Final = (
    ("is_ome", "OME-TIFF"),
    ("is_qpi", "QPTIFF"),
    ("is_svs", "Aperio SVS"),
    ("is_ndpi", "Hamamatsu NDPI"),
    ("is_scn", "Leica SCN"),
    ("is_bif", "Ventana BIF"),
    ("is_philips", "Philips TIFF"),
    ("is_imagej", "ImageJ TIFF"),
)


def find_vendor(path: Path) -> str | None:
    """Return OpenSlide's name of the vendor's format; None for a general TIFF and for other files."""
    try:
        vendor = openslide.OpenSlide.detect_format(path)
    except openslide.OpenSlideError:
        return None
    return None if vendor == GENERIC_TIFF else vendor


def is_tiff(path: Path) -> bool:
    """Return whether a file starts as TIFF or BigTIFF."""
    with path.open("rb") as file:
        return file.read(4) in TIFF_MARKS


def name_format(path: Path) -> str:
    """Return the usual name of a slide's format, such as ``OME-TIFF``, ``Aperio SVS`` or ``DICOM``."""
    vendor = find_vendor(path)
    if vendor is not None:
        return _VENDORS.get(vendor, vendor)
    if is_dicom(path):
        return "DICOM"
    return _name_tiff(path) if is_tiff(path) else path.suffix.lstrip(".").upper()


def _name_tiff(path: Path) -> str:
    try:
        with tifffile.TiffFile(path, _multifile=False) as tiff:
            for test, name in _TIFF_KINDS:
                if getattr(tiff, test):
                    return name
            return "Tiled TIFF" if tiff.pages.first.is_tiled else "TIFF"
    # A damaged directory makes tifffile fail in many ways; the file still starts as a TIFF.
    except Exception:  # noqa: BLE001
        return "TIFF"
