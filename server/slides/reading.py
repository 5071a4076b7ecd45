"""What a file says of itself, whitelisted: format, size, resolution. Header text is left behind."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import openslide
import simplejpeg
import tifffile

from ml.contracts import Sentence
from server.slides.channel_source import CHANNELS, ChannelSource
from server.slides.channels import Channel
from server.slides.colour import NONE, find_profile, judge_profile
from server.slides.drawing import Plan, SlidePixels
from server.slides.pyramid import Pyramid
from server.slides.sources import (
    SOURCES,
    UnreadableSlideError,
    choose_tile_size,
    open_source,
    render_tile,
)
from server.slides.stored_tiles import StoredTiles, find_stored_levels

_FORMATS: Final = {
    "aperio": "Aperio SVS",
    "dicom": "DICOM",
    "generic-tiff": "Tiled TIFF",
    "hamamatsu": "Hamamatsu NDPI",
    "leica": "Leica SCN",
    "mirax": "MIRAX",
    "philips-tiff": "Philips TIFF",
    "sakura": "Sakura",
    "trestle": "Trestle TIFF",
    "ventana": "Ventana BIF",
    "zeiss": "Zeiss CZI",
}
_USUAL_MAGNIFICATIONS: Final = (1.25, 2.5, 5, 10, 20, 40, 60, 80, 100)
_NEAR: Final = 0.15
_PLAUSIBLE_MPP: Final = (0.02, 50.0)
_PLAUSIBLE_MAGNIFICATION: Final = (0.2, 500.0)
# Between tiles that are the same but for rounding of a level's size; wrong colours are far above.
_SAME_PIXELS: Final = 6.0
_COMPARED_TILES: Final = 3


@dataclass(frozen=True)
class SlideFacts:
    """What is known of a readable slide. Resolution is µm per level-0 pixel, None where unknown.

    ``colour`` says what the file's colour profile asks for: ``none``, ``srgb`` or ``converted``.
    """

    source: str
    format: str
    width: int
    height: int
    tile_size: int
    level_count: int
    mpp_x: float | None
    mpp_y: float | None
    magnification: float | None
    stored_levels: dict[int, int] = field(default_factory=dict)
    colour: str = NONE
    channels: tuple[Channel, ...] = ()

    @property
    def plan(self) -> Plan:
        """How to read the file."""
        pyramid = Pyramid(self.width, self.height, self.tile_size)
        return Plan(self.source, pyramid, self.stored_levels, self.channels)

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> SlideFacts:
        """Return the facts that were written as JSON."""
        values["stored_levels"] = {int(z): page for z, page in values["stored_levels"].items()}
        values["channels"] = tuple(Channel.from_values(one) for one in values["channels"])
        return cls(**values)


def open_pixels(path: Path, facts: SlideFacts) -> tuple[SlidePixels, bytes | None]:
    """Return the slide's pixels in sRGB, and the profile that they are converted by."""
    profile = judge_profile(find_profile(path))[1] if not facts.channels else None
    return SlidePixels(path, facts.plan, profile), profile


def read_facts(path: Path) -> SlideFacts:
    """Open a slide with the first source that can and read from it; raises UnreadableSlideError.

    Tiles of the middle and of both ends are decoded, because some files open and fail afterwards.
    """
    several = _channel_facts(path)
    if several is not None:
        return several
    first_error: UnreadableSlideError | None = None
    for name in SOURCES:
        try:
            source = open_source(path, name)
            pyramid = _lay_out(source)
            _try_tiles(source, pyramid)
        except UnreadableSlideError as error:
            first_error = first_error or error
            continue
        return _facts(path, name, source, pyramid)
    sentence = _what_it_is(path)
    raise UnreadableSlideError(sentence, code=sentence.code) from first_error


def _lay_out(source: Any) -> Pyramid:
    size = choose_tile_size(source.tileWidth, source.tileHeight, source.sizeX, source.sizeY)
    return Pyramid(source.sizeX, source.sizeY, size)


def _try_tiles(source: Any, pyramid: Pyramid) -> None:
    for x, y in _places(pyramid):
        render_tile(source, pyramid, pyramid.levels[-1].z, x, y)


def _places(pyramid: Pyramid) -> set[tuple[int, int]]:
    """Return tiles of the middle and of both ends of the full resolution."""
    deepest = pyramid.levels[-1]
    middle = (deepest.columns // 2, deepest.rows // 2)
    return {(0, 0), middle, (deepest.columns - 1, deepest.rows - 1)}


def _facts(path: Path, name: str, source: Any, pyramid: Pyramid) -> SlideFacts:
    resolution = source.getNativeMagnification()
    mpp_x, mpp_y = (_plausible_mpp(resolution[axis]) for axis in ("mm_x", "mm_y"))
    levels = find_stored_levels(path, pyramid)
    return SlideFacts(
        source=name,
        format=_format(path),
        width=pyramid.width,
        height=pyramid.height,
        tile_size=pyramid.tile_size,
        level_count=len(pyramid.levels),
        mpp_x=mpp_x,
        mpp_y=mpp_y,
        magnification=_magnification(resolution["magnification"], mpp_x),
        stored_levels=_confirmed(path, source, pyramid, levels),
        colour=judge_profile(find_profile(path))[0],
    )


def _channel_facts(path: Path) -> SlideFacts | None:
    """Return the facts of a multi-channel slide, None for any other file."""
    try:
        source = ChannelSource(path)
    except (tifffile.TiffFileError, OSError, ValueError, LookupError, TypeError, struct.error):
        return None
    width, height = source.sizes[0]
    mpp_x, mpp_y = (_plausible_mpp(mpp / 1000) for mpp in source.mpp or (0.0, 0.0))
    pyramid = Pyramid(width, height, choose_tile_size(*source.tile_size, width, height))
    channels = source.describe()
    for x, y in _places(pyramid):
        left, top, side = x * pyramid.tile_size, y * pyramid.tile_size, pyramid.tile_size
        for index in range(source.count):
            source.read(index, (left, top, min(left + side, width), min(top + side, height)), (1, 1))
    return SlideFacts(
        source=CHANNELS,
        format=source.format,
        width=width,
        height=height,
        tile_size=pyramid.tile_size,
        level_count=len(pyramid.levels),
        mpp_x=mpp_x,
        mpp_y=mpp_y,
        magnification=_magnification(None, mpp_x),
        channels=channels,
    )


def _confirmed(path: Path, source: Any, pyramid: Pyramid, levels: dict[int, int]) -> dict[int, int]:
    """Keep the stored levels whose tiles, repaired, look as the reader says that they must."""
    if not levels:
        return {}
    stored = StoredTiles.open(path, levels)
    return {z: page for z, page in levels.items() if _looks_the_same(stored, source, pyramid, z)}


def _looks_the_same(stored: StoredTiles, source: Any, pyramid: Pyramid, z: int) -> bool:
    level = stored.levels[z]
    # The heaviest tiles have the most texture, so that a tile out of place would show.
    order = sorted(range(len(level.lengths)), key=lambda i: -level.lengths[i])
    for index in order[:_COMPARED_TILES]:
        y, x = divmod(index, level.columns)
        body = stored.read(z, x, y)
        if body is None:
            return False
        expected = render_tile(source, pyramid, z, x, y)
        height, width = expected.shape[:2]
        try:
            pixels = simplejpeg.decode_jpeg(body, colorspace="RGB")[:height, :width]
        except ValueError:
            return False
        difference = np.abs(pixels.astype(np.int16) - expected.astype(np.int16))
        if pixels.shape != expected.shape or float(difference.mean()) > _SAME_PIXELS:
            return False
    return True


def _plausible_mpp(millimetres: float | None) -> float | None:
    if not millimetres or not math.isfinite(millimetres):
        return None
    mpp = round(millimetres * 1000, 6)
    return mpp if _PLAUSIBLE_MPP[0] <= mpp <= _PLAUSIBLE_MPP[1] else None


def _magnification(told: float | None, mpp: float | None) -> float | None:
    """Return the usual objective nearest to what the file tells, or to 10 µm / mpp."""
    value = told or (10 / mpp if mpp else None)
    if value is None or not _PLAUSIBLE_MAGNIFICATION[0] <= value <= _PLAUSIBLE_MAGNIFICATION[1]:
        return None
    nearest = min(_USUAL_MAGNIFICATIONS, key=lambda usual: abs(math.log(usual / value)))
    return float(nearest) if abs(math.log(nearest / value)) < _NEAR else round(value, 1)


def _format(path: Path) -> str:
    vendor = openslide.OpenSlide.detect_format(path)
    return _FORMATS.get(vendor or "", vendor or "TIFF")


def _what_it_is(path: Path) -> Sentence:
    """Return what is said of a file that no source can read."""
    with path.open("rb") as file:
        start = file.read(132)
    if start[:4] in {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}:
        return Sentence(
            "damaged_tiff",
            "This is a TIFF, but its image is damaged or compressed in a way that is not supported.",
        )
    if start[128:] == b"DICM":
        return Sentence("other_dicom", "This is a DICOM file, but not a whole slide image that can be read.")
    return Sentence("not_a_slide", "This is not a slide: neither a TIFF-based slide, MIRAX nor DICOM.")
