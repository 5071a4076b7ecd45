"""Prediction of the objects of a slide, window by window, with coarse heat maps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from ml.contracts import Context, HeatMap, Objects, Prediction, SlideReader
from ml.inference.entropy import entropy_share
from ml.inference.journal import Arrays, objects_from_arrays, objects_to_arrays
from ml.inference.window_network import HALO, results_of_windows
from ml.inference.windows import Window, Windows
from ml.messages import Message

# Heat maps are yielded at most this often, because each is a copy of the whole grid.
HEAT_MAP_STEPS: Final = 20
# Heat map cells per side of a window.
CELLS: Final = 8


class ObjectFinder(Protocol):
    """Finds the objects of a window."""

    @property
    def greatest(self) -> bool:
        """Return whether a cell of a heat map is the greatest of its pixels, and not their mean."""
        ...

    def find(
        self, window: Window, pixels: NDArray[np.uint8], scale: float, region: BaseGeometry | None
    ) -> tuple[NDArray[np.float32], Objects]:
        """Return the shares (1 + labels, h, w) of a window and the objects that it owns, in level-0 pixels.

        ``scale`` is level-0 pixels per pixel as read; objects outside ``region`` are left out.
        """
        ...


class CoarseMaps:
    """Heat maps of a few cells per window: one per label, then uncertainty.

    A cell is the mean over its pixels, or the ``greatest`` of them where few pixels mean much.
    """

    def __init__(
        self, labels: int, shape: tuple[int, int], tile: int, scale: float, *, greatest: bool = False
    ) -> None:
        rows, columns = shape
        self._greatest = greatest
        self._tile, self._step = tile, tile * scale / CELLS
        self._values = np.full((labels + 1, rows * CELLS, columns * CELLS), np.nan, dtype=np.float32)

    def cells(self, shares: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the cells (labels + 1, CELLS, CELLS) of a window's ``shares`` (1 + labels, h, w).

        Shares are of background, then labels; cells of labels, then uncertainty.
        """
        core = shares[:, HALO : HALO + self._tile, HALO : HALO + self._tile]
        side = self._tile // CELLS
        core = core[:, : side * CELLS, : side * CELLS]
        blocks = core.reshape(len(core), CELLS, side, CELLS, side)
        cells = blocks.max(axis=(2, 4)) if self._greatest else blocks.mean(axis=(2, 4))
        entropy = entropy_share(core.reshape(len(core), -1).T.astype(np.float64))
        doubt = np.minimum(entropy.reshape(CELLS, side, CELLS, side).mean(axis=(1, 3)), 1)
        return np.concatenate([cells[1:], doubt[None]]).astype(np.float32)

    def paint(self, window: Window, cells: NDArray[np.float32]) -> None:
        """Write the cells of a window."""
        rows = slice(window.row * CELLS, (window.row + 1) * CELLS)
        columns = slice(window.column * CELLS, (window.column + 1) * CELLS)
        self._values[:, rows, columns] = cells

    def heat_maps(self) -> tuple[HeatMap, ...]:
        """Return copies of the current maps."""
        kinds = [("probability", number) for number in range(len(self._values) - 1)]
        return tuple(
            HeatMap(kind, label, 0.0, 0.0, self._step, layer.copy())
            for (kind, label), layer in zip([*kinds, ("uncertainty", None)], self._values, strict=True)
        )


def predict_objects(
    slide: SlideReader,
    windows: Windows,
    context: Context,
    *,
    finder: ObjectFinder,
    labels: int,
    tile: int,
    region: BaseGeometry | None,
) -> Iterator[Prediction]:
    """Yield objects window by window, and at intervals the heat maps; the last has progress 1."""
    count, scale = len(windows.places), windows.scale
    shape = (windows.rows, windows.columns)
    maps = CoarseMaps(labels, shape, tile, scale, greatest=finder.greatest)

    def look(window: Window, pixels: NDArray[np.uint8]) -> Arrays:
        shares, objects = finder.find(window, pixels, scale, region)
        return {"cells": maps.cells(shares), **objects_to_arrays(objects)}

    shown = 0
    for number, (window, arrays) in enumerate(results_of_windows(slide, windows, context, look), start=1):
        maps.paint(window, arrays["cells"])
        context.report(number / count, Message("window", number=number, total=count))
        due = number in (1, count) or number - shown >= count / HEAT_MAP_STEPS
        shown = number if due else shown
        yield Prediction(number / count, objects_from_arrays(arrays), maps.heat_maps() if due else ())
