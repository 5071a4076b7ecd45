"""Pixel size and objective power in TIFF: OME-XML, vendors' descriptions, ImageJ, resolution tags."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import tifffile

from ml.slides.resolution.lengths import micrometres_per, parse_number
from ml.slides.resolution.ome import read_ome
from ml.slides.resolution.scale import StatedSize

Statements = tuple[StatedSize | None, float | None]
# Values of ResolutionUnit in µm: inch and centimetre of TIFF 6.0; millimetre and micrometre of later writers.
_TAG_UNITS: Final = {2: 25_400.0, 3: 10_000.0, 4: 1_000.0, 5: 1.0}
_INCH: Final = 2
_TRANSPOSED: Final = 5
_MOST_PAGES: Final = 64
_LONGEST: Final = 1_000_000
# "MPP = 0.2520" of Aperio and of those who write like it; "MPP_X", "MppX" and the like name an axis.
_MPP: Final = re.compile(r"(?<![a-z])mpp[ _-]?([xy]?)\s*[=:]\s*([^|;\r\n]*)", re.IGNORECASE)
_POWER: Final = re.compile(r"(?<![a-z])appmag\s*[=:]\s*([^|;\r\n]*)", re.IGNORECASE)
_QPI_SIZE: Final = re.compile(r"<PixelSizeMicrons>([^<]*)</PixelSizeMicrons>")
_QPI_POWER: Final = re.compile(r"<(?:Magnification|Objective)>\s*([0-9.,]+)\s*[xX×]?\s*<")
_IMAGEJ_UNIT: Final = re.compile(r"^(x?unit|yunit)=(.*)$", re.MULTILINE)
_LEADING_NUMBER: Final = re.compile(r"\s*([-+]?[\d.,]+(?:[eE][-+]?\d+)?|[-+]?nan|[-+]?inf\w*)", re.IGNORECASE)


def read_tiff(path: Path, size: tuple[int, int]) -> Statements:
    """Return the pixel size and objective power that a TIFF states for its image of ``size`` pixels.

    The first place that states a size decides: OME-XML, then a vendor's description, then ImageJ's unit,
    then the resolution tags. Nothing is stated by a file whose directories cannot be read.
    """
    try:
        # Other files that a header may name are not opened: it is a stranger's text.
        with tifffile.TiffFile(path, _multifile=False) as tiff:
            page, is_transposed = _find_page(tiff, size)
            stated, power = _read_page(tiff, page, size)
    # A damaged directory makes tifffile fail in many ways (struct, index, key, type errors).
    except Exception:  # noqa: BLE001
        return None, None
    if is_transposed and stated is not None and stated.place in {_TAGS, _IMAGEJ}:
        stated = StatedSize(stated.place, stated.y, stated.x, stated.has_unit)
    return stated, power


_TAGS: Final = "XResolution"
_IMAGEJ: Final = "ImageJ"


def _find_page(tiff: tifffile.TiffFile, size: tuple[int, int]) -> tuple[Any, bool]:
    """Return the page of level 0, and whether its rows and columns are exchanged on display."""
    candidates: list[Any] = [series.levels[0].keyframe for series in tiff.series]
    candidates += [tiff.pages[number] for number in range(min(len(tiff.pages), _MOST_PAGES))]
    for page in candidates:
        width, height = int(page.imagewidth), int(page.imagelength)
        tag = page.tags.get("Orientation")
        turned = tag is not None and int(tag.value) >= _TRANSPOSED
        if (height, width) == size and turned:
            return page, True
        if (width, height) == size:
            return page, False
    return candidates[0], False


def _read_page(tiff: tifffile.TiffFile, page: Any, size: tuple[int, int]) -> Statements:
    first: Any = tiff.pages[0]
    texts = [str(text)[:_LONGEST] for text in dict.fromkeys((page.description, first.description)) if text]
    if tiff.is_ome:
        stated, power = read_ome(first.description, size)
    elif tiff.is_qpi:
        stated, power = _read_qptiff(texts, page)
    else:
        stated, power = _read_description(texts)
    if stated is None and tiff.is_imagej:
        stated = _read_imagej(first.description, page)
    if stated is None:
        stated = _read_tags(page)
    return stated, power


def _read_description(texts: list[str]) -> Statements:
    sides: dict[str, float] = {}
    power = None
    for text in texts:
        for match in _MPP.finditer(text):
            sides.setdefault(match[1].lower(), _leading_number(match[2]))
        power_match = _POWER.search(text)
        if power is None and power_match is not None:
            power = _leading_number(power_match[1])
    if not sides:
        return None, power
    both = sides.get("")
    return StatedSize("MPP", sides.get("x", both), sides.get("y", both)), power


def _read_qptiff(texts: list[str], page: Any) -> Statements:
    text = "".join(texts)
    power = _QPI_POWER.search(text)
    stated = _read_tags(page)
    size = _QPI_SIZE.search(text)
    if stated is None and size is not None:
        side = _leading_number(size[1])
        stated = StatedSize("PixelSizeMicrons", side, side)
    return stated, _leading_number(power[1]) if power else None


def _read_imagej(description: str, page: Any) -> StatedSize | None:
    """Return the size by ImageJ's rule: the resolution tags count pixels per ``unit`` of the description.

    References: ImageJ 1.x, ``ij.io.FileInfo`` and ``ij.io.TiffDecoder``.
    """
    units = {match[1]: match[2] for match in _IMAGEJ_UNIT.finditer(description)}
    unit_x = units.get("unit", units.get("xunit", "")).strip()
    if not unit_x or unit_x.lower() in {"pixel", "pixels"}:
        return None
    lengths = [micrometres_per(unit_x), micrometres_per(units.get("yunit", unit_x))]
    sides = [_side(page, axis, length or 1.0) for axis, length in zip("XY", lengths, strict=True)]
    if sides == [None, None]:
        return None
    return StatedSize(_IMAGEJ, sides[0], sides[1], None not in lengths)


def _read_tags(page: Any) -> StatedSize | None:
    tag = page.tags.get("ResolutionUnit")
    # TIFF 6.0: the unit is the inch where the tag is missing.
    length = _TAG_UNITS.get(_INCH if tag is None else int(tag.value))
    sides = [_side(page, axis, length or 1.0) for axis in "XY"]
    if sides == [None, None] or (length is None and all(side in (None, 1.0) for side in sides)):
        # One pixel per no unit is what writers put when they know nothing.
        return None
    return StatedSize(_TAGS, sides[0], sides[1], length is not None)


def _side(page: Any, axis: str, length: float) -> float | None:
    """Return the side of a pixel from the tag of pixels per unit; NaN for zero, None without a tag."""
    tag = page.tags.get(f"{axis}Resolution")
    if tag is None:
        return None
    count, per = tag.value
    return length * per / count if count and per else float("nan")


def _leading_number(text: str) -> float:
    """Return the number at the start of a text, before any unit; NaN for none."""
    match = _LEADING_NUMBER.match(text)
    return parse_number(match[1].rstrip(".,")) if match else float("nan")
