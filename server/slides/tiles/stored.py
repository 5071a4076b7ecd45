"""JPEG tiles stored in a TIFF, repaired to be complete files, never decoded.

A TIFF keeps the quantisation and Huffman tables once per level (tag 347) and the tiles without them,
and says the colour space in a tag. A browser sees neither, so the tables and an Adobe marker that names
the colour transform are spliced in behind the tile's first marker (TIFF Technical Note 2).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import tifffile

from ml.slides.tiff.images import list_images
from ml.slides.tiff.interpretation import HEADER_ERRORS, TIFF, Interpretation
from server.slides.tiles.pyramid import Pyramid

_START: Final = b"\xff\xd8"
_END: Final = b"\xff\xd9"
_JFIF: Final = b"\xff\xe0"
_ADOBE: Final = b"\xff\xee"
# How far behind its start the colour transform stands in an Adobe marker.
_ADOBE_TRANSFORM: Final = 15
_SCAN: Final = b"\xff\xda"
_RGB, _YCBCR, _GREY = 2, 6, 1
_TRANSFORM: Final = {_RGB: 0, _YCBCR: 1}


@dataclass(frozen=True, slots=True)
class StoredLevel:
    """The tiles of one level: their offsets, and the header for their bytes.

    ``width`` and ``height`` are the level's own, which may be one pixel short of the pyramid's.
    """

    width: int
    height: int
    columns: int
    offsets: tuple[int, ...]
    lengths: tuple[int, ...]
    header: bytes

    def span(self, x: int, y: int) -> tuple[int, int]:
        """Return (offset, length) of a tile's bytes behind their start marker; length 0: none."""
        index = y * self.columns + x
        return self.offsets[index] + len(_START), max(0, self.lengths[index] - len(_START))


class StoredTiles:
    """The stored JPEG levels of one open TIFF."""

    def __init__(self, descriptor: int, levels: dict[int, StoredLevel]) -> None:
        self.descriptor = descriptor
        self.levels = levels

    @classmethod
    def open(cls, path: Path, pages: dict[int, int]) -> Self:
        """Open a TIFF and index the pages (z to page number) of its manifest."""
        return cls.of_levels(path, read_stored_levels(path, pages))

    @classmethod
    def of_levels(cls, path: Path, levels: dict[int, StoredLevel]) -> Self:
        """Open a TIFF whose header was read before."""
        return cls(os.open(path, os.O_RDONLY | os.O_CLOEXEC), levels)

    def __del__(self) -> None:
        os.close(self.descriptor)

    def holds_whole(self, z: int, x: int, y: int, side: int) -> bool:
        """Return whether a tile of ``side`` pixels is inside a stored level."""
        level = self.levels.get(z)
        return level is not None and (x + 1) * side <= level.width and (y + 1) * side <= level.height

    def read(self, z: int, x: int, y: int) -> bytes | None:
        """Return one tile as a complete JPEG of the full tile size, or None where none is stored."""
        level = self.levels[z]
        offset, length = level.span(x, y)
        if not length:
            return None
        body = os.pread(self.descriptor, length, offset)
        return level.header + body if len(body) == length else None

    def read_if_in_memory(self, z: int, x: int, y: int) -> bytes | None:
        """Return a tile as ``read`` does, None where a disk access would be needed."""
        level = self.levels[z]
        offset, length = level.span(x, y)
        if not length:
            return None
        body = bytearray(length)
        try:
            got = os.preadv(self.descriptor, [body], offset, os.RWF_NOWAIT)
        except OSError:
            return None
        return level.header + body if got == length else None


def read_stored_levels(path: Path, pages: Mapping[int, int]) -> dict[int, StoredLevel]:
    """Index pages of a TIFF (z to page number)."""
    with tifffile.TiffFile(path) as tiff:
        return {z: read_level(tiff.pages[page]) for z, page in pages.items()}


def read_level(page: Any) -> StoredLevel:
    """Return the index of one tiled JPEG page of a TIFF."""
    return StoredLevel(
        width=page.imagewidth,
        height=page.imagelength,
        columns=-(-page.imagewidth // page.tilewidth),
        offsets=tuple(page.dataoffsets),
        lengths=tuple(page.databytecounts),
        header=_START + _colour_marker(int(page.photometric)) + _tables(page),
    )


def find_stored_levels(path: Path, pyramid: Pyramid, interpretation: Interpretation | None) -> dict[int, int]:
    """Return the levels of the pyramid that the TIFF holds as JPEG tiles of the pyramid's tile size.

    Empty for a file that is not a TIFF, and for one whose samples are turned, scaled or put together.
    Whether the pixels are the reader's too is for the caller to compare.
    """
    if interpretation is None or not interpretation.is_as_stored:
        return {}
    try:
        pages = _pages_of_slide(path, interpretation)
        with tifffile.TiffFile(path) as tiff:
            levels: dict[int, int] = {}
            for number, page in enumerate(tiff.pages):
                z = _matching_level(page, pyramid) if pages is None or page.offset in pages else None
                if z is not None and z not in levels and _can_stand_alone(tiff, page):
                    levels[z] = number
            return levels
    except HEADER_ERRORS:
        return {}


def _pages_of_slide(path: Path, interpretation: Interpretation) -> set[int] | None:
    """Return the offsets of the pages of the slide's image; None: OpenSlide chooses."""
    if interpretation.reader != TIFF:
        return None
    with tifffile.TiffFile(path, _multifile=False) as tiff:
        image = list_images(tiff)[interpretation.image]
        return {int(image.page_at(level, interpretation.plane).offset) for level in range(image.level_count)}


def _matching_level(page: Any, pyramid: Pyramid) -> int | None:
    if not page.is_tiled or (page.tilewidth, page.tilelength) != (pyramid.tile_size,) * 2:
        return None
    for level in pyramid.levels:
        near = level.width - page.imagewidth in (0, 1) and level.height - page.imagelength in (0, 1)
        grid = (-(-page.imagewidth // page.tilewidth), -(-page.imagelength // page.tilelength))
        if near and grid == (level.columns, level.rows):
            return level.z
    return None


def _can_stand_alone(tiff: tifffile.TiffFile, page: Any) -> bool:
    plain = page.compression == tifffile.COMPRESSION.JPEG and page.bitspersample == 8  # noqa: PLR2004
    colours = {_RGB: 3, _YCBCR: 3, _GREY: 1}.get(int(page.photometric))
    if not plain or page.samplesperpixel != colours or page.planarconfig != 1:
        return False
    first = next((i for i, length in enumerate(page.databytecounts) if length), None)
    if first is None:
        return False
    tiff.filehandle.seek(page.dataoffsets[first])
    start = tiff.filehandle.read(min(page.databytecounts[first], 4096))
    head = start.partition(_SCAN)[0] + _tables(page)
    return start.startswith(_START) and not (int(page.photometric) == _RGB and _says_ycbcr(head))


def _says_ycbcr(head: bytes) -> bool:
    """Return whether a marker in the tile contradicts a marker that says RGB."""
    adobe = head.find(_ADOBE)
    transform = head[adobe + _ADOBE_TRANSFORM : adobe + _ADOBE_TRANSFORM + 1]
    return _JFIF in head or (adobe >= 0 and transform != b"\0")


def _tables(page: Any) -> bytes:
    tables: bytes = page.jpegtables or b""
    return tables.removeprefix(_START).removesuffix(_END)


def _colour_marker(photometric: int) -> bytes:
    transform = _TRANSFORM.get(photometric)
    if transform is None:
        return b""
    return _ADOBE + b"\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes([transform])
