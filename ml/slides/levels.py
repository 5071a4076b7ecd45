"""Reader of any box at any size from a pyramid of levels, with bounded memory."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml.contracts import Bounds, Channel
from ml.slides.resolution import Resolution, Scale, read_scale
from ml.slides.resolution.scale import SQUARE_WITHIN
from ml.slides.tiff.failures import damaged_part

BLOCK_PIXELS = 1 << 22
# Squares are read together while their common box is at most this many times as large as they are.
SPARSE = 2


class LevelSource(Protocol):
    """Stored pixels of one slide: ``sizes`` lists (width, height) per level, largest first."""

    sizes: list[tuple[int, int]]

    def fetch(self, level: int, box: tuple[int, int, int, int]) -> NDArray[np.uint8]:
        """Return RGB (height, width, 3) uint8 of ``box`` = (left, top, right, bottom).

        The box is in pixels of that level and inside it. Raises SlideError(``unreadable``).
        """
        ...

    def close(self) -> None:
        """Release the file."""
        ...


class ScaledFile:
    """The resolution and magnification of a file, read on first use."""

    path: Path
    width: int
    height: int
    _resolution: Resolution | None
    _scale: Scale | None = None

    @property
    def resolution(self) -> Resolution | None:
        """Return µm per level-0 pixel along both axes: the set value, else the file's."""
        return self._resolution if hasattr(self, "_resolution") else self._stated().resolution

    @resolution.setter
    def resolution(self, resolution: Resolution | None) -> None:
        self._resolution = resolution

    @property
    def mpp(self) -> float | None:
        """Return µm per pixel of square pixels; None where unknown, or where pixels are not square.

        Oblong pixels are read through ``square_view``.
        """
        resolution = self.resolution
        return resolution.finer if resolution is not None and resolution.is_square else None

    @mpp.setter
    def mpp(self, mpp: float | None) -> None:
        self._resolution = None if mpp is None else Resolution.square(mpp)

    @property
    def magnification(self) -> float | None:
        """Return the objective power stated in the file."""
        return self._stated().power

    @magnification.setter
    def magnification(self, power: float | None) -> None:
        self._scale = replace(self._stated(), power=power)

    def _stated(self) -> Scale:
        if self._scale is None:
            self._scale = read_scale(self.path, (self.width, self.height))
        return self._scale


class PixelFile(ScaledFile, ABC):
    """An open slide, a ``SlideReader`` and context manager.

    Threads may share it if ``allows_threads``. ``channels`` and their ``names`` are empty for a colour image.
    ``tile_size`` is (width, height) of the stored tiles, (0, 0) where it is not known.
    """

    channels: tuple[Channel, ...] = ()
    names: tuple[str, ...] = ()
    tile_size: tuple[int, int] = (0, 0)
    allows_threads: bool = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def read(self, bounds: Bounds, size: tuple[int, int]) -> NDArray[np.uint8]:
        """Return pixels of ``bounds`` resampled by area to ``size`` = (width, height).

        The array is (height, width, 3) uint8 RGB, what lies outside the slide being white; of a slide with
        channels (height, width, channels), each scaled by its range, what lies outside being 0. Raises
        SlideError(``unreadable``) where the file is damaged.
        """
        if bounds.width < 1 or bounds.height < 1:
            message = f"cannot read {bounds} at {size}: every side must be at least one pixel"
            raise ValueError(message)
        return self.read_box((bounds.x, bounds.y, bounds.x + bounds.width, bounds.y + bounds.height), size)

    @abstractmethod
    def read_box(self, box: tuple[float, float, float, float], size: tuple[int, int]) -> NDArray[np.uint8]:
        """Return pixels of a box (left, top, right, bottom) that may begin inside a pixel; see ``read``."""

    @abstractmethod
    def read_squares(self, corners: NDArray[np.int64], side: int, pixels: int) -> NDArray[np.uint8]:
        """Return (n, pixels, pixels, 3 or channels) of squares (n, 2) of x, y, ``side`` wide."""

    @abstractmethod
    def close(self) -> None:
        """Release the file."""


class LevelReader(PixelFile):
    """A colour image as a pyramid of levels. Raises SlideError(``unreadable``) for one without pixels.

    Large boxes are read block by block, so a slide without a pyramid costs time but not memory.
    """

    def __init__(self, path: Path, source: LevelSource) -> None:
        self.path = path
        self.width, self.height = source.sizes[0]
        if min(self.width, self.height) < 1:
            raise damaged_part(ValueError())
        self.tile_size = getattr(source, "tile_size", (0, 0))
        self.allows_threads = getattr(source, "allows_threads", False)
        self._source = source

    def close(self) -> None:
        """Release the file."""
        self._source.close()

    def read_box(self, box: tuple[float, float, float, float], size: tuple[int, int]) -> NDArray[np.uint8]:
        """Return RGB of a box (left, top, right, bottom) that may begin inside a pixel; see ``read``."""
        columns, rows = size
        if columns < 1 or rows < 1:
            message = f"cannot read {box} at {size}: every side must be at least one pixel"
            raise ValueError(message)
        out = np.full((rows, columns, 3), 255, np.uint8)
        scale_x, scale_y = (box[2] - box[0]) / columns, (box[3] - box[1]) / rows
        level = self._best_level(min(scale_x, scale_y))
        level_width, level_height = self._source.sizes[level]
        to_x, to_y = level_width / self.width, level_height / self.height
        side = math.sqrt(BLOCK_PIXELS)
        step_x = max(1, int(side / max(scale_x * to_x, 1e-9)))
        step_y = max(1, int(side / max(scale_y * to_y, 1e-9)))
        for top in range(0, rows, step_y):
            for left in range(0, columns, step_x):
                bottom, right = min(top + step_y, rows), min(left + step_x, columns)
                part = (
                    (box[0] + left * scale_x) * to_x,
                    (box[1] + top * scale_y) * to_y,
                    (box[0] + right * scale_x) * to_x,
                    (box[1] + bottom * scale_y) * to_y,
                )
                block = self._block(level, part, (right - left, bottom - top))
                out[top:bottom, left:right] = block
        return out

    def read_squares(self, corners: NDArray[np.int64], side: int, pixels: int) -> NDArray[np.uint8]:
        """Return RGB (n, pixels, pixels, 3) of squares (n, 2) of x, y, ``side`` wide, as ``read`` gives them.

        Squares that lie close together are cut from one box, so that what they share is decoded once.
        """
        out = np.empty((len(corners), pixels, pixels, 3), np.uint8)
        level = self._best_level(side / pixels)
        width, height = self._source.sizes[level]
        scale = np.array([width / self.width, height / self.height] * 2)
        edges = np.concatenate([corners, corners + side], axis=1) * scale
        if side**2 * scale[0] * scale[1] > BLOCK_PIXELS:
            for target, (x, y) in zip(out, corners, strict=True):
                target[:] = self.read(Bounds(int(x), int(y), side, side), (pixels, pixels))
        elif len(corners):
            self._cut(level, edges, out)
        return out

    def _cut(self, level: int, edges: NDArray[np.float64], out: NDArray[np.uint8]) -> None:
        """Fill ``out`` (n, h, w, 3) from boxes (n, 4) of a level; distant or many boxes in two halves."""
        inner = np.floor(edges[:, :2] + 1e-6).astype(np.int64)
        outer = np.maximum(np.ceil(edges[:, 2:] - 1e-6).astype(np.int64), inner + 1)
        low, high = inner.min(axis=0), outer.max(axis=0)
        area = int(np.prod(high - low))
        if len(edges) > 1 and area > min(BLOCK_PIXELS, SPARSE * int(np.prod(outer - inner, axis=1).sum())):
            half = len(edges) // 2
            self._cut(level, edges[:half], out[:half])
            self._cut(level, edges[half:], out[half:])
            return
        pixels = self._fetched(level, int(low[0]), int(low[1]), int(high[0]), int(high[1]))
        for box, start, end, target in zip(edges, inner - low, outer - low, out, strict=True):
            part = pixels[start[1] : end[1], start[0] : end[0]]
            target[:] = resampled(part, box - np.tile(low + start, 2), (out.shape[2], out.shape[1]))

    def _best_level(self, downsample: float) -> int:
        """Return the smallest level at least as fine as requested (within one percent)."""
        best = 0
        for level, (width, _) in enumerate(self._source.sizes):
            if self.width / width <= downsample * 1.01:
                best = level
        return best

    def _block(
        self, level: int, box: tuple[float, float, float, float], size: tuple[int, int]
    ) -> NDArray[np.uint8]:
        left, top = math.floor(box[0] + 1e-6), math.floor(box[1] + 1e-6)
        right = max(math.ceil(box[2] - 1e-6), left + 1)
        bottom = max(math.ceil(box[3] - 1e-6), top + 1)
        pixels = self._fetched(level, left, top, right, bottom)
        return resampled(pixels, np.array(box) - (left, top, left, top), size)

    def _fetched(self, level: int, left: int, top: int, right: int, bottom: int) -> NDArray[np.uint8]:
        """Return the stored pixels of a box of a level; white outside."""
        width, height = self._source.sizes[level]
        inside = (max(left, 0), max(top, 0), min(right, width), min(bottom, height))
        if inside == (left, top, right, bottom):
            return self._source.fetch(level, inside)
        whole = np.full((bottom - top, right - left, 3), 255, np.uint8)
        if inside[0] < inside[2] and inside[1] < inside[3]:
            pixels = self._source.fetch(level, inside)
            whole[inside[1] - top : inside[3] - top, inside[0] - left : inside[2] - left] = pixels
        return whole


def resampled(
    pixels: NDArray[np.uint8], box: NDArray[np.float64], size: tuple[int, int]
) -> NDArray[np.uint8]:
    """Return the ``box`` of RGB pixels (h, w, 3) at ``size`` = (width, height), by area when made smaller."""
    rows, columns = pixels.shape[:2]
    if (columns, rows) == size:
        return pixels
    part = (max(box[0], 0.0), max(box[1], 0.0), min(box[2], float(columns)), min(box[3], float(rows)))
    finer = part[2] - part[0] < size[0] or part[3] - part[1] < size[1] * (1 - SQUARE_WITHIN)
    method = Image.Resampling.BILINEAR if finer else Image.Resampling.BOX
    return np.asarray(Image.fromarray(pixels).resize(size, method, box=part))
