"""Choice of a slide's reading path: the first whose pixels an independent decoder confirms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from ml.contracts import Bounds
from ml.messages import Message
from ml.slides.dicom.header import is_dicom
from ml.slides.errors import SlideError
from ml.slides.reading import open_interpreted, open_slide
from ml.slides.tiff.interpretation import OPENSLIDE, TIFF, Interpretation
from server.slides.errors import UnreadableSlideError
from server.slides.imports.pixel_check import PixelCheck, looks_the_same
from server.slides.tiles.channel_source import ChannelSource
from server.slides.tiles.channels import Channel
from server.slides.tiles.drawing import Plan, SlidePixels
from server.slides.tiles.overview import overview_level
from server.slides.tiles.pyramid import Pyramid
from server.slides.tiles.sources import (
    DICOM,
    READER,
    choose_tile_size,
    fit,
    open_source,
    render_tile,
)
from server.slides.tiles.sources import OPENSLIDE as LARGE_IMAGE_OPENSLIDE
from server.slides.tiles.stored import StoredTiles, find_stored_levels

_COMPARED_TILES: Final = 3
_PICTURE: Final = 512

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class ReadingPath:
    """A confirmed path: the name of its source, the open source, and the stored JPEG levels.

    ``interpretation`` is the one of a TIFF, None for other formats.
    """

    name: str
    source: Any
    pyramid: Pyramid
    stored_levels: dict[int, int]
    interpretation: Interpretation | None


def choose_path(path: Path, interpretation: Interpretation | None) -> ReadingPath:
    """Return the first path whose pixels are confirmed; raises UnreadableSlideError.

    ``interpretation`` is how the header of a TIFF asks to be read.
    """
    with closing(check) if (check := PixelCheck.open(path, interpretation)) else nullcontext():
        confirmed = _confirm_reader(path, interpretation, check)
        refused: UnreadableSlideError | None = None
        for name in _names_of_sources(path, confirmed):
            try:
                chosen = _try_source(path, name, confirmed, check)
            except UnreadableSlideError as error:
                refused = refused or error
                continue
            if chosen is not None:
                return chosen
    raise refused or _disagreement()


def _disagreement() -> UnreadableSlideError:
    detail = Message(
        "pixels_disagree",
    )
    return UnreadableSlideError(detail, code="pixels_disagree")


def _confirm_reader(
    path: Path, interpretation: Interpretation | None, check: PixelCheck | None
) -> Interpretation | None:
    """Return the interpretation for which the reader of ``ml`` returns confirmed pixels.

    Raises UnreadableSlideError with the reader's own sentence, or ``pixels_disagree``.
    """
    first_error: SlideError | None = None
    for candidate in _candidates(interpretation):
        try:
            with open_interpreted(path, candidate) if candidate else open_slide(path) as reader:
                if check is None or _reader_agrees(reader, check):
                    return candidate
        except SlideError as error:
            first_error = first_error or error
    if first_error is not None:
        raise UnreadableSlideError(first_error.detail, code=first_error.code) from first_error
    raise _disagreement()


def _candidates(interpretation: Interpretation | None) -> Iterator[Interpretation | None]:
    yield interpretation
    if interpretation is not None and interpretation.reader == OPENSLIDE:
        yield replace(interpretation, reader=TIFF)


def _reader_agrees(reader: Any, check: PixelCheck) -> bool:
    if (reader.width, reader.height) != check.size:
        return False

    def draw(box: Box, size: tuple[int, int]) -> NDArray[np.uint8]:
        left, top, right, bottom = box
        pixels: NDArray[np.uint8] = reader.read(Bounds(left, top, right - left, bottom - top), size)
        return pixels

    return check.agrees(draw)


def _names_of_sources(path: Path, interpretation: Interpretation | None) -> tuple[str, ...]:
    if interpretation is None:
        # DICOM has one decoder, which the tiles share with ``ml``.
        return (DICOM,) if is_dicom(path) else (LARGE_IMAGE_OPENSLIDE,)
    return (LARGE_IMAGE_OPENSLIDE, READER) if interpretation.reader == OPENSLIDE else (READER,)


def _try_source(
    path: Path, name: str, interpretation: Interpretation | None, check: PixelCheck | None
) -> ReadingPath | None:
    """Return the path of one source with the stored levels that are confirmed; None where it disagrees."""
    source = open_source(path, name, interpretation=interpretation)
    size = choose_tile_size(source.tileWidth, source.tileHeight, source.sizeX, source.sizeY)
    pyramid = Pyramid(source.sizeX, source.sizeY, size)
    for x, y in places_of(pyramid):
        render_tile(source, pyramid, pyramid.levels[-1].z, x, y)
    stored = _stored_levels(path, source, pyramid, interpretation, check)
    chosen = ReadingPath(name, source, pyramid, stored, interpretation)
    if check is None:
        return chosen
    if (source.sizeX, source.sizeY) != check.size:
        return None
    for levels in [stored, {}] if stored else [{}]:
        pixels = SlidePixels(path, Plan(name, pyramid, levels, interpretation=interpretation))
        if _drawing_agrees(pixels, pyramid, check):
            return replace(chosen, stored_levels=levels)
    return None


def _drawing_agrees(pixels: SlidePixels, pyramid: Pyramid, check: PixelCheck) -> bool:
    """Return whether regions, thumbnail and tiles are drawn from confirmed pixels.

    Tiles of levels that an import draws from a finer one are left out; the thumbnail stands for them.
    """

    def draw(box: Box, size: tuple[int, int]) -> NDArray[np.uint8]:
        left, top, right, bottom = box
        region = pixels.region((left, top, right - left, bottom - top), max(size))
        return fit(region, *size)

    finest = max(0, overview_level(pyramid, pixels.is_quick))
    return (
        check.agrees(draw)
        and check.picture_agrees(pixels.region((0, 0, pyramid.width, pyramid.height), _PICTURE))
        and all(check.tiles_agree(pyramid, level.z, pixels.tile) for level in pyramid.levels[finest:])
    )


def places_of(pyramid: Pyramid) -> set[tuple[int, int]]:
    """Return tiles of the middle and of both ends of the full resolution."""
    deepest = pyramid.levels[-1]
    middle = (deepest.columns // 2, deepest.rows // 2)
    return {(0, 0), middle, (deepest.columns - 1, deepest.rows - 1)}


def _stored_levels(
    path: Path,
    source: Any,
    pyramid: Pyramid,
    interpretation: Interpretation | None,
    check: PixelCheck | None,
) -> dict[int, int]:
    """Return the levels whose stored JPEG tiles, repaired, match the check or the source."""
    levels = find_stored_levels(path, pyramid, interpretation)
    if not levels:
        return {}
    stored = StoredTiles.open(path, levels)
    return {
        z: page
        for z, page in levels.items()
        if _heaviest_agree(stored, source, pyramid, z)
        and (
            check is None
            or check.stored_tiles_agree(pyramid, z, lambda z, x, y: _decoded(stored, pyramid, z, x, y))
        )
    }


def _heaviest_agree(stored: StoredTiles, source: Any, pyramid: Pyramid, z: int) -> bool:
    """Return whether the tiles with the most texture match the source, to detect misplaced tiles."""
    level = stored.levels[z]
    order = sorted(range(len(level.lengths)), key=lambda index: -level.lengths[index])
    for index in order[:_COMPARED_TILES]:
        y, x = divmod(index, level.columns)
        if pyramid.tile_extent(z, x, y) is None:
            # A damaged header lists more tiles than the image has.
            return False
        pixels = _decoded(stored, pyramid, z, x, y)
        if pixels is None or not looks_the_same(pixels, render_tile(source, pyramid, z, x, y)):
            return False
    return True


def _decoded(stored: StoredTiles, pyramid: Pyramid, z: int, x: int, y: int) -> NDArray[np.uint8] | None:
    """Return a stored tile clipped at the slide's edge, None without one; black for an invalid JPEG."""
    body = stored.read(z, x, y)
    width, height = pyramid.tile_extent(z, x, y) or (0, 0)
    if body is None:
        return None
    try:
        pixels = np.asarray(simplejpeg.decode_jpeg(body, colorspace="RGB"))
    except ValueError:
        return np.zeros((height, width, 3), np.uint8)
    return fit(pixels, width, height)


def confirm_channels(
    path: Path, interpretation: Interpretation, source: ChannelSource, channels: Sequence[Channel]
) -> None:
    """Raise UnreadableSlideError unless every channel matches that of the independent decoder."""
    for index, channel in enumerate(channels):
        shown = replace(interpretation, low=channel.low, high=channel.high)
        check = PixelCheck.open(path, shown, channel=index)
        if check is None:
            continue
        with closing(check):
            if source.sizes[0] != check.size or not check.agrees(
                partial(_draw_channel, source, index, channel)
            ):
                raise _disagreement()


def _draw_channel(
    source: ChannelSource, index: int, channel: Channel, box: Box, size: tuple[int, int]
) -> NDArray[np.uint8]:
    plane = source.read(index, box, size).astype(np.float32)
    grey = np.rint(np.clip((plane - channel.low) / (channel.high - channel.low), 0, 1) * 255)
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)
