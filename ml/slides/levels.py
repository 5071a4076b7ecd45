"""Reading any box at any size from a pyramid of levels, with bounded memory."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml.contracts import Bounds, Channel

BLOCK_PIXELS = 1 << 22
PLAUSIBLE_MPP = (0.05, 20.0)


class LevelSource(Protocol):
    """The stored pixels of one slide: ``sizes`` lists (width, height) per level, largest first."""

    sizes: list[tuple[int, int]]
    mpp: float | None
    magnification: float | None

    def fetch(self, level: int, box: tuple[int, int, int, int]) -> NDArray[np.uint8]:
        """Return RGB (height, width, 3) uint8 of ``box`` = (left, top, right, bottom).

        The box is in pixels of that level and lies inside it. Raises SlideError(``unreadable``).
        """
        ...

    def close(self) -> None:
        """Release the file."""
        ...


def plausible_mpp(mpp: float | None) -> float | None:
    """Return ``mpp`` when a microscope can have made it: files often carry a printer's 72 dpi."""
    if mpp is None or not PLAUSIBLE_MPP[0] <= mpp <= PLAUSIBLE_MPP[1]:
        return None
    return mpp


class LevelReader:
    """A ``SlideReader`` over a pyramid of levels. Not safe to share between threads."""

    def __init__(self, path: Path, source: LevelSource) -> None:
        self.path = path
        self.width, self.height = source.sizes[0]
        self.mpp = source.mpp
        self.magnification = source.magnification
        self.channels: tuple[Channel, ...] = ()
        self._source = source

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the file."""
        self._source.close()

    def read(self, bounds: Bounds, size: tuple[int, int]) -> NDArray[np.uint8]:
        """Return RGB pixels of ``bounds`` resampled by area to ``size`` = (width, height).

        The array is (height, width, 3) uint8; what lies outside the slide is white. Large boxes
        are read block by block, so a slide without a pyramid costs time but not memory. Raises
        SlideError(``unreadable``) where the file is damaged.
        """
        columns, rows = size
        if columns < 1 or rows < 1 or bounds.width < 1 or bounds.height < 1:
            message = f"cannot read {bounds} at {size}: every side must be at least one pixel"
            raise ValueError(message)
        out = np.full((rows, columns, 3), 255, np.uint8)
        scale_x, scale_y = bounds.width / columns, bounds.height / rows
        level = self._best_level(min(scale_x, scale_y))
        level_width, level_height = self._source.sizes[level]
        to_x, to_y = level_width / self.width, level_height / self.height
        side = math.sqrt(BLOCK_PIXELS)
        step_x = max(1, int(side / max(scale_x * to_x, 1e-9)))
        step_y = max(1, int(side / max(scale_y * to_y, 1e-9)))
        for top in range(0, rows, step_y):
            for left in range(0, columns, step_x):
                bottom, right = min(top + step_y, rows), min(left + step_x, columns)
                box = (
                    (bounds.x + left * scale_x) * to_x,
                    (bounds.y + top * scale_y) * to_y,
                    (bounds.x + right * scale_x) * to_x,
                    (bounds.y + bottom * scale_y) * to_y,
                )
                block = self._block(level, box, (right - left, bottom - top))
                out[top:bottom, left:right] = block
        return out

    def _best_level(self, downsample: float) -> int:
        """Return the smallest level that is still at least as fine as asked for (within one percent)."""
        best = 0
        for level, (width, _) in enumerate(self._source.sizes):
            if self.width / width <= downsample * 1.01:
                best = level
        return best

    def _block(
        self, level: int, box: tuple[float, float, float, float], size: tuple[int, int]
    ) -> NDArray[np.uint8]:
        width, height = self._source.sizes[level]
        left, top = math.floor(box[0] + 1e-6), math.floor(box[1] + 1e-6)
        right = max(math.ceil(box[2] - 1e-6), left + 1)
        bottom = max(math.ceil(box[3] - 1e-6), top + 1)
        inside = (max(left, 0), max(top, 0), min(right, width), min(bottom, height))
        if inside[0] >= inside[2] or inside[1] >= inside[3]:
            return np.full((size[1], size[0], 3), 255, np.uint8)
        pixels = self._source.fetch(level, inside)
        if inside != (left, top, right, bottom):
            whole = np.full((bottom - top, right - left, 3), 255, np.uint8)
            whole[inside[1] - top : inside[3] - top, inside[0] - left : inside[2] - left] = pixels
            pixels = whole
        if (right - left, bottom - top) == size:
            return pixels
        part = (
            max(box[0] - left, 0.0),
            max(box[1] - top, 0.0),
            min(box[2] - left, float(right - left)),
            min(box[3] - top, float(bottom - top)),
        )
        finer = part[2] - part[0] < size[0]
        method = Image.Resampling.BILINEAR if finer else Image.Resampling.BOX
        return np.asarray(Image.fromarray(pixels).resize(size, method, box=part))
