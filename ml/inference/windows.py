"""Windows of a slide with a margin around each, for methods that look at every pixel."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from math import ceil

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from ml.contracts import Bounds, SlideReader
from ml.slides import TissueMask

AHEAD = 2


@dataclass(frozen=True, slots=True)
class Window:
    """``left``, ``top``: level-0 place of the first pixel read; the core begins ``halo`` later."""

    row: int
    column: int
    left: float
    top: float
    halo: int
    core: int

    def owns(self, y: float, x: float) -> bool:
        """Say whether a point, in pixels as read, lies in the core: in exactly one window's."""
        return self.halo <= y < self.halo + self.core and self.halo <= x < self.halo + self.core


@dataclass(frozen=True, slots=True)
class Windows:
    """``rows`` x ``columns`` cover the slide; ``places`` are those to be looked at."""

    rows: int
    columns: int
    places: tuple[Window, ...]
    scale: float


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


def read_windows(reader: SlideReader, windows: Windows) -> Iterator[tuple[Window, NDArray[np.uint8]]]:
    """Yield each window with its RGB pixels, the next ones being read meanwhile."""

    def read(window: Window) -> NDArray[np.uint8]:
        side = window.core + 2 * window.halo
        length = round(side * windows.scale)
        bounds = Bounds(round(window.left), round(window.top), length, length)
        return reader.read(bounds, (side, side))

    waiting: deque[tuple[Window, Future[NDArray[np.uint8]]]] = deque()
    with ThreadPoolExecutor(1, thread_name_prefix="read-windows") as thread:
        try:
            for window in windows.places:
                waiting.append((window, thread.submit(read, window)))
                if len(waiting) > AHEAD:
                    done, future = waiting.popleft()
                    yield done, future.result()
            while waiting:
                done, future = waiting.popleft()
                yield done, future.result()
        finally:
            for _, future in waiting:
                future.cancel()
