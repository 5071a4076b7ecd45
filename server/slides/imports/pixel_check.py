"""Comparison of a reading path's pixels with those of an independent decoder of the same file.

A reading path is anything that draws a box of the slide: the tile route with its stored JPEG tiles, a
large-image source, the thumbnail, the reader of ``ml``. The decoder is another program: tifffile with
imagecodecs for TIFF, pydicom for DICOM. Only some places of each level are compared (corners, edges,
centre, and where the picture has most texture and colour), so that time and memory stay bounded whatever
the size of the slide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Bounds
from ml.slides.errors import SlideError
from ml.slides.levels import LevelReader, LevelSource
from ml.slides.tiff.interpretation import Interpretation
from server.slides.imports.independent import DECODERS
from server.slides.imports.tiff_decoder import open_tiff_decoder
from server.slides.tiles.pyramid import Pyramid

Pixels = NDArray[np.uint8]
# ``draw(box, size)``: RGB of the level-0 box (left, top, right, bottom) at size (width, height).
Draw = Callable[[tuple[int, int, int, int], tuple[int, int]], Pixels]
# ``tile(z, x, y)``: RGB of one tile, None where the path has no such tile.
DrawTile = Callable[[int, int, int], Pixels | None]

SIDE: Final = 256
# Most pixels that the decoder has to make for one place.
_MOST_PIXELS: Final = 1 << 22
_OVERVIEW: Final = 256
_CELL: Final = 16
# Blocks of 4 x 4 pixels are compared: the upsampling of colour differs between JPEG decoders below that.
# Of pixels that were scaled down from a finer level larger ones, because filters differ.
_BLOCK: Final = 4
_SCALED_BLOCK: Final = 16
# Levels of 255. Decoders of one JPEG differ by less than 2 in such blocks; a channel swapped, another
# colour model or a sheared row by more, wherever there is any colour or texture.
_ROUNDING: Final = 2.5
_MOST_DIFFERENCE: Final = 6.0
_SHARE_OF_TEXTURE: Final = 0.3


@dataclass(frozen=True)
class Place:
    """A box of the slide in level-0 pixels (left, top, right, bottom), and the size to draw it at."""

    box: tuple[int, int, int, int]
    size: tuple[int, int]


class PixelCheck:
    """The pixels of a file by an independent decoder, for comparison with reading paths."""

    def __init__(self, path: Path, decoder: LevelSource) -> None:
        self._sizes = decoder.sizes
        self._decoder = decoder
        self._reader = LevelReader(path, decoder)
        self._lively = self._find_lively_place()

    @classmethod
    def open(
        cls, path: Path, interpretation: Interpretation | None = None, channel: int | None = None
    ) -> PixelCheck | None:
        """Return a check of the file; None where no independent decoder supports it.

        Of a TIFF, whose ``interpretation`` is given, ``channel`` is compared alone, as grey.
        """
        if interpretation is not None:
            decoder: LevelSource | None = open_tiff_decoder(path, interpretation, channel)
        else:
            decoder = next((one for opener in DECODERS if (one := opener(path)) is not None), None)
        return cls(path, decoder) if decoder is not None else None

    @property
    def size(self) -> tuple[int, int]:
        """The width and height of the slide by the decoder, in level-0 pixels."""
        return self._sizes[0]

    def close(self) -> None:
        """Release the file."""
        self._reader.close()

    def agrees(self, draw: Draw) -> bool:
        """Return whether a path draws the decoder's pixels at every place of every stored level."""
        return all(self._is_same(place, draw(place.box, place.size)) for place in self._places())

    def tiles_agree(self, pyramid: Pyramid, z: int, tile: DrawTile) -> bool:
        """Return whether a path draws the decoder's pixels in the tiles of one level of the pyramid."""
        step = 1 << (len(pyramid.levels) - 1 - z)
        level = pyramid.levels[z]
        is_stored = any(_is_near(size, (level.width, level.height)) for size in self._sizes)
        block = _BLOCK if is_stored else _SCALED_BLOCK
        for x, y in sorted(self._tile_numbers(pyramid, z)):
            pixels = tile(z, x, y)
            if pixels is None:
                continue
            height, width = pixels.shape[:2]
            if (width, height) != pyramid.tile_extent(z, x, y):
                return False
            side = max(_BLOCK, min(SIDE, int(_MOST_PIXELS**0.5) // step))
            for left, top in {(0, 0), (max(0, width - side), max(0, height - side))}:
                part = pixels[top : top + side, left : left + side]
                corner = ((x * pyramid.tile_size + left) * step, (y * pyramid.tile_size + top) * step)
                box = (
                    *corner,
                    min(pyramid.width, corner[0] + part.shape[1] * step),
                    min(pyramid.height, corner[1] + part.shape[0] * step),
                )
                place = Place(box, (part.shape[1], part.shape[0]))
                if not self._is_same(place, part, block):
                    return False
        return True

    def stored_tiles_agree(self, pyramid: Pyramid, z: int, tile: DrawTile) -> bool:
        """Return whether tiles stored in the file match the decoder's own level of that size."""
        level = pyramid.levels[z]
        stored = next(
            (n for n, size in enumerate(self._sizes) if _is_near(size, (level.width, level.height))), None
        )
        if stored is None:
            return False
        width, height = self._sizes[stored]
        for x, y in sorted(self._tile_numbers(pyramid, z)):
            pixels = tile(z, x, y)
            if pixels is None:
                continue
            left, top = x * pyramid.tile_size, y * pyramid.tile_size
            box = (left, top, min(left + pixels.shape[1], width), min(top + pixels.shape[0], height))
            try:
                expected = self._decoder.fetch(stored, box)
            except SlideError:
                continue
            if not looks_the_same(pixels[: expected.shape[0], : expected.shape[1]], expected):
                return False
        return True

    def picture_agrees(self, picture: Pixels) -> bool:
        """Return whether a picture of the whole slide, such as the thumbnail, shows the decoder's pixels."""
        rows, columns = picture.shape[:2]
        width, height = self.size
        # A small slide as a whole, because parts of a picture begin between two of its pixels.
        if width * height <= _MOST_PIXELS:
            return self._is_same(Place((0, 0, width, height), (columns, rows)), picture, _SCALED_BLOCK)
        scale_x, scale_y = width / columns, height / rows
        side = max(_BLOCK, min(64, int(_MOST_PIXELS**0.5 / max(scale_x, scale_y))))
        for left, top in _corners(columns, rows, side):
            part = picture[top : top + side, left : left + side]
            right, bottom = left + part.shape[1], top + part.shape[0]
            box = (
                round(left * scale_x),
                round(top * scale_y),
                round(right * scale_x),
                round(bottom * scale_y),
            )
            if not self._is_same(Place(box, (part.shape[1], part.shape[0])), part, _SCALED_BLOCK):
                return False
        return True

    def _is_same(self, place: Place, pixels: Pixels, block: int = _BLOCK) -> bool:
        try:
            expected = self._reader.read(_bounds(place.box), place.size)
        except SlideError:
            # Damage that the decoder meets is no disagreement: the path meets it too, or reads around it.
            return True
        return looks_the_same(pixels, expected, block)

    def _places(self) -> Iterator[Place]:
        """Yield places of each stored level, the full resolution first."""
        full_width, full_height = self._sizes[0]
        for width, height in self._sizes:
            across, down = full_width / width, full_height / height
            corners = _corners(width, height, SIDE)
            if self._lively:
                corners.add(_around(self._lively, (width, height), SIDE))
            for left, top in sorted(corners):
                right, bottom = min(left + SIDE, width), min(top + SIDE, height)
                box = (
                    round(left * across),
                    round(top * down),
                    min(full_width, round(right * across)),
                    min(full_height, round(bottom * down)),
                )
                yield Place(box, (right - left, bottom - top))

    def _tile_numbers(self, pyramid: Pyramid, z: int) -> set[tuple[int, int]]:
        level = pyramid.levels[z]
        last_x, last_y = level.columns - 1, level.rows - 1
        numbers = {(x, y) for x in (0, last_x // 2, last_x) for y in (0, last_y // 2, last_y)}
        if self._lively:
            numbers.add((int(self._lively[0] * level.columns), int(self._lively[1] * level.rows)))
        return numbers

    def _find_lively_place(self) -> tuple[float, float] | None:
        """Return the place (0..1 of width and height) of strongest texture and colour in an overview.

        None where an overview would need more than a bounded number of pixels, or is damaged.
        """
        width, height = self._sizes[-1]
        if width * height > _MOST_PIXELS:
            return None
        scale = min(1.0, _OVERVIEW / max(width, height))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        try:
            picture = self._reader.read(Bounds(0, 0, *self._sizes[0]), size).astype(np.float32)
        except SlideError:
            return None
        best, place = -1.0, (0.5, 0.5)
        for top in range(0, size[1], _CELL):
            for left in range(0, size[0], _CELL):
                cell = picture[top : top + _CELL, left : left + _CELL]
                score = float(cell.std(axis=(0, 1)).mean() + np.ptp(cell.mean(axis=(0, 1))))
                if score > best:
                    middle = (left + cell.shape[1] / 2, top + cell.shape[0] / 2)
                    best, place = score, (middle[0] / size[0], middle[1] / size[1])
        return place


def looks_the_same(actual: Pixels, expected: Pixels, block: int = _BLOCK) -> bool:
    """Return whether two pictures differ by no more than two decoders of one JPEG do.

    Arrays of (h, w, 3). They are compared in square blocks of pixels, each colour by itself, and may be a
    pixel apart, as those of a level are whose size was rounded.
    """
    if actual.shape != expected.shape:
        return False
    if _differs_little(actual, expected, block):
        return True
    rows, columns = actual.shape[:2]
    if min(rows, columns) <= 2 * _BLOCK:
        return False
    inner = expected[1:-1, 1:-1]
    return any(
        _differs_little(actual[y : rows - 2 + y, x : columns - 2 + x], inner, block)
        for y in range(3)
        for x in range(3)
    )


def _differs_little(actual: Pixels, expected: Pixels, block: int) -> bool:
    one, other = _blocks(actual, block), _blocks(expected, block)
    difference = np.abs(one - other).mean(axis=(0, 1))
    texture = np.abs(other - other.mean(axis=(0, 1))).mean(axis=(0, 1))
    limit = np.minimum(np.maximum(_ROUNDING, _SHARE_OF_TEXTURE * texture), _MOST_DIFFERENCE)
    return bool((difference <= limit).all())


def _blocks(pixels: Pixels, block: int) -> NDArray[np.float32]:
    """Return the means of square blocks of pixels; smaller blocks for a small picture."""
    values = pixels.astype(np.float32)
    side = max(1, min(block, *(length // 2 for length in pixels.shape[:2])))
    rows, columns = (length // side for length in pixels.shape[:2])
    cut = values[: rows * side, : columns * side].reshape(rows, side, columns, side, 3)
    # The last rows and columns count too: garbage is often there alone.
    edges = values[-rows * side :, -columns * side :].reshape(rows, side, columns, side, 3)
    means: NDArray[np.float32] = np.stack([cut.mean(axis=(1, 3)), edges.mean(axis=(1, 3))])
    return means.reshape(-1, columns, 3)


def _is_near(size: tuple[int, int], other: tuple[int, int]) -> bool:
    return all(abs(one - two) <= 1 for one, two in zip(size, other, strict=True))


def _corners(width: int, height: int, side: int) -> set[tuple[int, int]]:
    """Return the upper left corners of boxes in the corners, at the edges and in the centre."""
    xs = (0, max(0, (width - side) // 2), max(0, width - side))
    ys = (0, max(0, (height - side) // 2), max(0, height - side))
    return {(x, y) for x in xs for y in ys}


def _around(place: tuple[float, float], size: tuple[int, int], side: int) -> tuple[int, int]:
    """Return the upper left corner of a box around a place (0..1), inside the size."""
    left, top = (
        min(max(0, int(share * length - side / 2)), max(0, length - side))
        for share, length in zip(place, size, strict=True)
    )
    return left, top


def _bounds(box: tuple[int, int, int, int]) -> Bounds:
    left, top, right, bottom = box
    return Bounds(left, top, max(1, right - left), max(1, bottom - top))
