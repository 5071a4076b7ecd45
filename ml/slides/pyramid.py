"""Writer of pixels as a pyramidal tiled TIFF, band by band, with bounded memory."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from ml.slides.phantom.writing import BIG_PIXELS, encoded, feed, reduced_levels, write_page
from ml.slides.resolution import Resolution

TILE = 256
Bands = Callable[[int], Iterator[NDArray[np.uint8]]]


def write_pyramid(path: Path, size: tuple[int, int], resolution: Resolution | None, bands: Bands) -> None:
    """Write RGB pixels of ``size`` = (width, height) as a TIFF with JPEG tiles and reduced levels.

    ``bands(tall)`` yields (tall, width, 3) uint8 from the top, the last one perhaps lower. The file appears
    when it is complete.
    """
    width, height = size
    partial = path.with_name(f".{path.name}.partial")
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as scratch:
            levels = reduced_levels(width, height, TILE, Path(scratch))

            def tiles() -> Iterator[bytes]:
                for band in bands(TILE):
                    feed(levels, band)
                    yield from encoded(band, TILE)

            with tifffile.TiffWriter(partial, bigtiff=width * height > BIG_PIXELS) as tiff:
                write_page(tiff, tiles(), (height, width), TILE, resolution, reduced=False)
                for number, level in enumerate(levels, start=1):
                    shape = (level.height, level.width)
                    write_page(
                        tiff, level.tiles(), shape, TILE, reduced_by(resolution, 2**number), reduced=True
                    )
                    level.close()
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def reduced_by(resolution: Resolution | None, factor: int) -> Resolution | None:
    """Return the resolution of a level that is smaller by a factor."""
    return None if resolution is None else Resolution(resolution.x * factor, resolution.y * factor)
