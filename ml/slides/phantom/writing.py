"""Writer of a phantom as a pyramidal tiled TIFF, tile row by tile row."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import simplejpeg
import tifffile
from numpy.typing import NDArray

from ml.contracts import Bounds
from ml.slides.phantom.drawing import Drawing
from ml.slides.phantom.truth import PhantomTruth, truth_of
from ml.slides.resolution import Resolution

QUALITY = 85
MICROMETRES_PER_CM: Final = 10_000.0
BIG_PIXELS = 4_000_000_000

Pixels = NDArray[np.uint8]


def write_phantom(
    path: Path, *, width: int, height: int, seed: int, mpp: float = 0.5, tile: int = 256
) -> PhantomTruth:
    """Draw a synthetic H&E slide into ``path`` and return its truth.

    A TIFF with JPEG tiles, each reduced level a further page, which OpenSlide opens as generic
    tiled TIFF; ``mpp`` is in the resolution tags. Memory is bounded by a few rows of tiles, scratch
    space beside ``path`` by the reduced levels. Raises ValueError for an impossible size.
    """
    if tile < 16 or tile % 16:  # noqa: PLR2004 - the TIFF specification
        message = f"the side of a tile must be a multiple of 16, not {tile}"
        raise ValueError(message)
    truth = truth_of(width, height, seed, mpp)
    drawing = Drawing(truth.layout)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as scratch:
        levels = reduced_levels(width, height, tile, Path(scratch))
        with tifffile.TiffWriter(path, bigtiff=width * height > BIG_PIXELS) as tiff:
            rows = drawn_rows(drawing, tile, levels)
            write_page(tiff, rows, (height, width), tile, mpp, reduced=False)
            for number, level in enumerate(levels, start=1):
                size = (level.height, level.width)
                write_page(tiff, level.tiles(), size, tile, mpp * 2**number, reduced=True)
                level.close()
    return truth


def write_page(
    tiff: tifffile.TiffWriter,
    tiles: Iterator[bytes],
    size: tuple[int, int],
    tile: int,
    mpp: float | Resolution | None,
    *,
    reduced: bool,
) -> None:
    """Write one level from its encoded tiles; without ``mpp`` no resolution is stated."""
    size_of_pixel = Resolution.square(mpp) if isinstance(mpp, float | int) else mpp
    stated: dict[str, Any] = {}
    if size_of_pixel is not None:
        per_centimetre = (MICROMETRES_PER_CM / size_of_pixel.x, MICROMETRES_PER_CM / size_of_pixel.y)
        stated = {"resolution": per_centimetre, "resolutionunit": "CENTIMETER"}
    tiff.write(
        tiles,
        shape=(*size, 3),
        dtype=np.uint8,
        photometric="ycbcr",
        subsampling=(2, 2),
        compression="jpeg",
        tile=(tile, tile),
        subfiletype=1 if reduced else 0,
        software="Coverslip phantom",
        metadata=None,
        **stated,
    )


class ReducedLevel:
    """One level of a growing pyramid, fed with pixel rows; encoded tiles are kept on disk."""

    def __init__(self, width: int, height: int, tile: int, scratch: Path) -> None:
        self.width, self.height, self.tile = width, height, tile
        self._rows: list[Pixels] = []
        self._waiting = 0
        self._spool: IO[bytes] = (scratch / f"{width}x{height}").open("w+b")
        self._lengths: list[int] = []
        self._taken = 0

    def add(self, rows: Pixels) -> list[Pixels]:
        """Add more pixel rows and return the bands of tiles that they complete."""
        self._rows.append(rows)
        self._waiting += len(rows)
        self._taken += len(rows)
        bands = []
        while self._waiting >= self.tile or (self._waiting and self._taken == self.height):
            joined = np.concatenate(self._rows) if len(self._rows) > 1 else self._rows[0]
            band, rest = joined[: self.tile], joined[self.tile :]
            self._rows, self._waiting = [rest], len(rest)
            for data in encoded(band, self.tile):
                self._spool.write(data)
                self._lengths.append(len(data))
            bands.append(band)
        return bands

    def tiles(self) -> Iterator[bytes]:
        """Yield the encoded tiles in order."""
        self._spool.seek(0)
        for length in self._lengths:
            yield self._spool.read(length)

    def close(self) -> None:
        """Release the scratch file."""
        self._spool.close()


def reduced_levels(width: int, height: int, tile: int, scratch: Path) -> list[ReducedLevel]:
    """Return the levels below the first: each half of the one above, down to one tile."""
    levels = []
    while max(width, height) > tile:
        width, height = -(-width // 2), -(-height // 2)
        levels.append(ReducedLevel(width, height, tile, scratch))
    return levels


def drawn_rows(drawing: Drawing, tile: int, levels: list[ReducedLevel]) -> Iterator[bytes]:
    """Yield the encoded tiles of the full resolution, and feed the reduced levels."""
    layout = drawing.layout
    for top in range(0, layout.height, tile):
        tall = min(tile, layout.height - top)
        band = drawing.draw(Bounds(0, top, layout.width, tall))
        # Before the tiles are handed over: nobody asks for more after the last one.
        feed(levels, band)
        yield from encoded(band, tile)


def feed(levels: list[ReducedLevel], band: Pixels) -> None:
    """Pass a band of pixels down the pyramid."""
    if levels:
        for done in levels[0].add(halved(band)):
            feed(levels[1:], done)


def halved(pixels: Pixels) -> Pixels:
    """Average 2 x 2 pixels; an odd last row or column is repeated."""
    height, width = pixels.shape[:2]
    if height % 2 or width % 2:
        pixels = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    total = pixels[::2].astype(np.uint16)
    total += pixels[1::2]
    total = total[:, ::2] + total[:, 1::2]
    total += 2
    total >>= 2
    return total.astype(np.uint8)


def encoded(band: Pixels, tile: int) -> Iterator[bytes]:
    """Yield the tiles of a band of at most ``tile`` rows as JPEG; edges are repeated."""
    height, width = band.shape[:2]
    down, across = tile - height, -width % tile
    if down or across:
        band = np.pad(band, ((0, down), (0, across), (0, 0)), mode="edge")
    for left in range(0, band.shape[1], tile):
        square = np.ascontiguousarray(band[:, left : left + tile])
        yield simplejpeg.encode_jpeg(square, quality=QUALITY, colorsubsampling="420")
