"""Windows of a slide with a margin around each, for pixel-wise methods."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from ml.contracts import SlideReader
from ml.data.squares import Squares, read_patches
from ml.slides import TissueMask


@dataclass(frozen=True, slots=True)
class Window:
    """A window. ``left``, ``top``: level-0 place of the first pixel read; the core begins ``halo`` later."""

    row: int
    column: int
    left: float
    top: float
    halo: int
    core: int

    def owns(self, y: float, x: float) -> bool:
        """Return whether a point, in pixels as read, is in the core: in exactly one window's."""
        return self.halo <= y < self.halo + self.core and self.halo <= x < self.halo + self.core


@dataclass(frozen=True, slots=True)
class Windows:
    """A grid of ``rows`` x ``columns`` windows over the slide; ``places`` are those with tissue."""

    rows: int
    columns: int
    places: tuple[Window, ...]
    scale: float

    @property
    def key(self) -> str:
        """Return a stable name for exactly these windows."""
        rows = [(window.row, window.column) for window in self.places]
        content = hashlib.sha256(np.array(rows, dtype=np.int32).tobytes()).hexdigest()[:12]
        side = f"{self.places[0].core}+{self.places[0].halo}px" if self.places else "nothing"
        return f"{side}-{self.scale:g}-{self.rows}x{self.columns}-{content}"


def windows_of(
    reader: SlideReader,
    core: int,
    halo: int,
    scale: float,
    *,
    tissue: TissueMask,
    region: BaseGeometry | None,
) -> Windows:
    """Return the windows that hold tissue; ``core`` and ``halo`` are pixels at ``scale``."""
    step = core * scale
    rows, columns = max(1, ceil(reader.height / step)), max(1, ceil(reader.width / step))
    index = np.indices((rows, columns)).reshape(2, -1).T
    corners = index[:, ::-1] * step
    boxes = np.concatenate([corners, corners + step], axis=1)
    keep = tissue.shares(boxes) > 0
    if region is not None:
        keep &= shapely.intersects(region, shapely.box(*boxes.T))
    places = tuple(
        Window(int(row), int(column), x - halo * scale, y - halo * scale, halo, core)
        for (row, column), (x, y) in zip(index[keep], corners[keep], strict=True)
    )
    return Windows(rows, columns, places, scale)


def read_windows(
    reader: SlideReader, windows: Windows, workers: int = 0
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield the number of each window with its RGB pixels, reading the next ones ahead.

    The pixels may be overwritten once the next window is asked for.
    """
    if not windows.places:
        return
    side = windows.places[0].core + 2 * windows.places[0].halo
    corners = np.array([[round(window.left), round(window.top)] for window in windows.places])
    squares = Squares(corners, round(side * windows.scale))
    for which, pixels in read_patches(reader, squares, side, block=1, workers=workers):
        yield int(which[0]), pixels[0]
