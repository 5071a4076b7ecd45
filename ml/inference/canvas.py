"""Shares of each label over a whole slide, on a grid fine enough to trace and small enough to keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from ml.contracts import HeatMap, Objects
from ml.inference.entropy import entropy_share
from ml.inference.vectorising import trace_regions
from ml.inference.windows import Window, Windows

# Cells of one layer at most: 32 MiB each, whatever the slide's size.
MOST = 1 << 23
Shares = NDArray[np.float32]


class Canvas:
    """A grid over the slide, filled window by window.

    ``tile`` is the core of a window in pixels as read, a multiple of 64; a cell is the smallest power of two
    of them, from ``finest`` on, for which the grid is not too large.
    """

    def __init__(self, windows: Windows, labels: int, tile: int, finest: int) -> None:
        cell = finest
        while cell < 64 and windows.rows * windows.columns * (tile // cell) ** 2 > MOST:  # noqa: PLR2004 - see above
            cell *= 2
        self.cell, self.tile, self.step = cell, tile, cell * windows.scale
        side = tile // cell
        self.shares: Shares = np.full(
            (labels + 1, windows.rows * side, windows.columns * side), np.nan, dtype=np.float32
        )

    def cells(self, window: Window, shares: Shares) -> Shares:
        """Return the cells of a window's core from ``shares`` (1 + labels, h, w): background, then labels."""
        inside = slice(window.halo, window.halo + self.tile)
        core = shares[:, inside, inside]
        side = self.tile // self.cell
        means: Shares = core.reshape(len(core), side, self.cell, side, self.cell).mean(axis=(2, 4))
        return means

    def paint(self, window: Window, cells: Shares) -> None:
        """Write the cells of a window."""
        side = self.tile // self.cell
        rows = slice(window.row * side, (window.row + 1) * side)
        columns = slice(window.column * side, (window.column + 1) * side)
        self.shares[:, rows, columns] = cells

    def heat_maps(self) -> tuple[HeatMap, ...]:
        """Return one map of probability per label, then one of uncertainty, at no more than a megapixel."""
        shrink = 1
        while self.shares[0].size > (1 << 20) * shrink**2:
            shrink *= 2
        rows, columns = (-(-n // shrink) for n in self.shares.shape[1:])
        pad = [
            (0, 0),
            *((0, n * shrink - m) for n, m in zip((rows, columns), self.shares.shape[1:], strict=True)),
        ]
        blocks = np.pad(self.shares, pad, constant_values=np.nan)
        small = blocks[:, ::shrink, ::shrink] if shrink == 1 else _means(blocks, shrink)
        flat = small.reshape(len(small), -1).T
        known = ~np.isnan(flat).any(axis=1)
        doubt = np.full(len(flat), np.nan, dtype=np.float32)
        if known.any():
            doubt[known] = np.minimum(entropy_share(flat[known].astype(np.float64)), 1)
        step = self.step * shrink
        kinds = [("probability", number) for number in range(len(small) - 1)]
        layers = [*small[1:], doubt.reshape(rows, columns)]
        return tuple(
            HeatMap(kind, label, 0.0, 0.0, step, np.ascontiguousarray(layer))
            for (kind, label), layer in zip([*kinds, ("uncertainty", None)], layers, strict=True)
        )

    def objects(
        self,
        field_of: Callable[[Shares, int], Shares],
        smallest: float,
        frame: BaseGeometry,
    ) -> Objects:
        """Return the outlines of all labels, within ``frame``.

        ``field_of(shares, number)`` (h, w) is above zero where a label holds; ``smallest`` is an area in
        pixels as read, below which an outline is dropped.
        """
        cells = max(1, round(smallest / self.cell**2))
        rows = list(self._traced(field_of, cells, frame))
        return Objects(
            np.array([row[0] for row in rows], dtype=object),
            np.array([row[1] for row in rows], dtype=np.int16),
            np.array([row[2] for row in rows], dtype=np.float32),
            np.array([row[3] for row in rows], dtype=np.float32),
        )

    def _traced(
        self, field_of: Callable[[Shares, int], Shares], cells: int, frame: BaseGeometry
    ) -> Iterator[tuple[BaseGeometry, int, float, float]]:
        for number in range(len(self.shares) - 1):
            for places, polygon in trace_regions(field_of(self.shares, number), cells):
                shape = shapely.intersection(shapely.transform(polygon, lambda xy: xy * self.step), frame)
                pieces = [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon" and p.area > 0]
                shares = self.shares[:, places[:, 0], places[:, 1]].mean(axis=1, dtype=np.float64)
                doubt = min(1.0, float(entropy_share(shares[None])[0]))
                yield from ((piece, number, float(shares[number + 1]), doubt) for piece in pieces)


def _means(blocks: Shares, shrink: int) -> Shares:
    layers, rows, columns = blocks.shape
    parts = blocks.reshape(layers, rows // shrink, shrink, columns // shrink, shrink)
    known = ~np.isnan(parts)
    count = known.sum(axis=(2, 4))
    total = np.where(known, parts, 0).sum(axis=(2, 4))
    means: Shares = np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)
    return means
