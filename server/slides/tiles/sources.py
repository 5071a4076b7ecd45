"""Pixels of any slide: by large-image's openslide source, or by the readers of ``ml``.

No ``style`` and no choice of source ever comes from a client: a style may name any Python function.
Pixels come as they are stored: colour profiles are applied in one place, by ``drawing``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import large_image.config
import numpy as np
import openslide
import simplejpeg
from large_image.constants import TILE_FORMAT_NUMPY
from large_image.exceptions import TileSourceError
from large_image_source_openslide import OpenslideFileTileSource
from numpy.typing import NDArray

from ml.messages import Message
from ml.slides.errors import SlideError
from ml.slides.tiff.interpretation import Interpretation
from server.slides.errors import UnreadableSlideError
from server.slides.tiles.dicom_source import DicomTiles
from server.slides.tiles.pyramid import Pyramid
from server.slides.tiles.reader_source import ReaderSource

JPEG_QUALITY: Final = 85
# Single bright pixels of pure colour are what a fluorescence slide is about.
SHARP_QUALITY: Final = 92
_USUAL_TILE: Final = 256
_SMALLEST_TILE, _LARGEST_TILE = 128, 1024

large_image.config.setConfig("cache_backend", "python")
large_image.config.setConfig("cache_python_memory_portion", 256)
large_image.config.setConfig("icc_correction", False)


class _WholeSlide(openslide.OpenSlide):
    """A slide without the scanner's crop box, so that coordinates are the file's own level-0 pixels."""

    @property
    def properties(self) -> Mapping[str, str]:
        given = super().properties
        names = (name for name in given if not name.startswith("openslide.bounds-"))
        # OpenSlide lists names in damaged headers for which it has no value.
        return {name: value for name in names if (value := given.get(name)) is not None}


class OpenSlideSource(OpenslideFileTileSource):
    """large-image's OpenSlide source with square tiles and without a crop box."""

    cacheName = "tilesource"  # noqa: N815 - the library's name

    def _getTileSize(self) -> None:  # noqa: N802 - the library's name
        # The one place that runs between opening the file and laying out the levels.
        self._openslide = _WholeSlide(self._largeImagePath)
        super()._getTileSize()
        source: Any = self
        size = choose_tile_size(source.tileWidth, source.tileHeight, source.sizeX, source.sizeY)
        self.tileWidth = self.tileHeight = size


OPENSLIDE, DICOM, READER = "openslide", "dicom", "reader"


def choose_tile_size(tile_width: int, tile_height: int, width: int, height: int) -> int:
    """Return the side of the tiles to serve: the file's own where possible, else 256.

    With the file's own, its stored JPEG tiles can be handed through.
    """
    fits = tile_width == tile_height and _SMALLEST_TILE <= tile_width <= _LARGEST_TILE
    return min(tile_width if fits else _USUAL_TILE, max(width, height))


def open_source(
    path: Path, source: str, plane: int | None = None, interpretation: Interpretation | None = None
) -> Any:
    """Open a slide by the source of that name, at a focal plane; raises UnreadableSlideError.

    The reader of ``ml`` opens a TIFF by the interpretation, or else by the one kept beside it. It also
    opens what manifests of earlier versions name ``tiff``.
    """
    if source not in (OPENSLIDE, DICOM):
        return ReaderSource(path, interpretation, plane)
    try:
        return DicomTiles(str(path), plane) if source == DICOM else OpenSlideSource(str(path), noCache=True)
    except SlideError as error:
        raise UnreadableSlideError(error.detail, code=error.code) from error
    except (TileSourceError, openslide.OpenSlideError, OSError, ValueError) as error:
        message = Message("not_read_as_slide")
        raise UnreadableSlideError(message) from error


def render_tile(source: Any, pyramid: Pyramid, z: int, x: int, y: int) -> NDArray[np.uint8]:
    """Return one tile, clipped at the slide's edge, as (height, width, 3) uint8.

    Raises UnreadableSlideError where the file is damaged.
    """
    width, height = pyramid.tile_extent(z, x, y) or (0, 0)
    side = pyramid.tile_size
    if not isinstance(source, ReaderSource) and (source.tileWidth, source.tileHeight) == (side, side):
        # Some sources count one level more where the size is an exact power of two.
        level = z + source.levels - len(pyramid.levels)
        pixels = _read(lambda: source.getTile(x, y, level, numpyAllowed="always"))
    else:
        step = 1 << (len(pyramid.levels) - 1 - z)
        left, top = x * side * step, y * side * step
        box = (left, top, min(side * step, pyramid.width - left), min(side * step, pyramid.height - top))
        pixels = _read_region(source, box, (width, height))
    return fit(_on_white(pixels), width, height)


def render_region(source: Any, box: tuple[int, int, int, int], longest: int) -> NDArray[np.uint8]:
    """Return ``box`` = (x, y, width, height) in level-0 pixels as RGB of at most ``longest`` a side."""
    _, _, width, height = box
    scale = min(1.0, longest / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return render_box(source, box, size)


def render_box(source: Any, box: tuple[int, int, int, int], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return ``box`` = (x, y, width, height) in level-0 pixels as RGB of ``size`` = (width, height)."""
    return _on_white(_read_region(source, box, size))


def encode(pixels: NDArray[np.uint8], *, sharp: bool = False) -> bytes:
    """Return RGB pixels as a baseline JPEG; ``sharp`` keeps the colour of every pixel."""
    quality, sampling = (SHARP_QUALITY, "444") if sharp else (JPEG_QUALITY, "420")
    return bytes(
        simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality=quality, colorsubsampling=sampling)
    )


def fit(pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Return pixels cropped to the size, or padded by the edge where a rounded level is one pixel short."""
    pixels = pixels[:height, :width]
    missing = (height - pixels.shape[0], width - pixels.shape[1])
    if missing == (0, 0):
        return pixels
    return np.pad(pixels, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")


def _read_region(source: Any, box: tuple[int, int, int, int], size: tuple[int, int]) -> NDArray[Any]:
    if isinstance(source, ReaderSource):
        return source.draw(box, size)
    left, top, width, height = box
    region = {"left": left, "top": top, "width": width, "height": height, "units": "base_pixels"}
    output = {"maxWidth": size[0], "maxHeight": size[1]}
    return _read(lambda: source.getRegion(region=region, output=output, format=TILE_FORMAT_NUMPY)[0])


def _read(read: Callable[[], Any]) -> NDArray[Any]:
    try:
        return np.asarray(read())
    except SlideError as error:
        raise UnreadableSlideError(error.detail, code=error.code) from error
    except (TileSourceError, openslide.OpenSlideError, OSError, ValueError, KeyError) as error:
        message = Message("part_damaged")
        raise UnreadableSlideError(message) from error


def _on_white(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Return RGB: grey is replicated, transparent is white."""
    if pixels.ndim == 2:  # noqa: PLR2004 - rows and columns, no channels
        pixels = pixels[:, :, None]
    if pixels.dtype != np.uint8:
        # Deep images are read by ``ReaderSource``, which knows how many of their bits are used.
        message = Message("deep_pixels")
        raise UnreadableSlideError(message)
    channels = pixels.shape[2]
    if channels in (2, 4):
        alpha = pixels[:, :, -1:]
        pixels = pixels[:, :, :-1]
        if alpha.min() < 255:  # noqa: PLR2004 - opaque
            opaque = alpha.astype(np.uint16)
            pixels = ((pixels * opaque + 255 * (255 - opaque)) // 255).astype(np.uint8)
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    return pixels[:, :, :3]
