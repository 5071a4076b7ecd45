"""DICOM slides behind the part of large-image's interface that draws tiles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Bounds
from ml.slides.dicom.source import DicomSource
from ml.slides.levels import LevelReader


class DicomTiles:
    """An open DICOM slide, read by the decoder of ``ml``. Safe to use from several threads.

    The names in mixed case are those of large-image. Raises SlideError.
    """

    def __init__(self, path: str, plane: int | None = None) -> None:
        source = DicomSource(Path(path), plane)
        self._reader = LevelReader(Path(path), source)
        self.sizeX, self.sizeY = source.sizes[0]
        self.tileWidth, self.tileHeight = source.series.tile_size
        self.levels = 1

    def getTile(self, x: int, y: int, z: int, **_: Any) -> NDArray[np.uint8]:  # noqa: N802
        """Return one tile of level ``z`` (0 the full resolution, -1 half of it) as (h, w, 3) uint8."""
        step = 1 << -z
        left, top = x * self.tileWidth * step, y * self.tileHeight * step
        right, bottom = (
            min(left + self.tileWidth * step, self.sizeX),
            min(top + self.tileHeight * step, self.sizeY),
        )
        size = (-(-(right - left) // step), -(-(bottom - top) // step))
        return self._reader.read(Bounds(left, top, right - left, bottom - top), size)

    def getRegion(  # noqa: N802
        self, *, region: Mapping[str, int], output: Mapping[str, int], **_: Any
    ) -> tuple[NDArray[np.uint8], str]:
        """Return a box of level-0 pixels at the size of ``output`` as (h, w, 3) uint8, and its type."""
        box = Bounds(region["left"], region["top"], region["width"], region["height"])
        return self._reader.read(box, (output["maxWidth"], output["maxHeight"])), "numpy"
