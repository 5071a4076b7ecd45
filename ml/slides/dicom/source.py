"""DICOM slides as sources of ``ml.slides``: colour levels, or planes of several channels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.slides.channels.planes import ChannelPlanes
from ml.slides.dicom.header import is_dicom
from ml.slides.dicom.series import read_series
from ml.slides.tiff.channels import MOST_CHANNELS, distinct_names
from ml.slides.tiff.interpretation import Interpretation


class DicomSource:
    """A ``LevelSource`` of a colour or one-channel DICOM slide at one focal plane, by default the middle."""

    def __init__(self, path: Path, plane: int | None = None) -> None:
        self.series = read_series(path)
        self.plane = plane
        self.sizes = self.series.sizes

    def fetch(self, level: int, box: tuple[int, int, int, int]) -> NDArray[np.uint8]:
        """See ``LevelSource``."""
        return self.series.fetch(level, box, plane=self.plane)

    def close(self) -> None:
        """Drop the series, which owns the files."""
        del self.series


class DicomPlanes(ChannelPlanes):
    """The optical paths of a DICOM slide as channels. Raises ValueError where there is only one."""

    def __init__(self, path: Path, plane: int | None = None) -> None:
        self._series = read_series(path)
        self._plane = plane
        series = self._series
        if series.is_colour or not 1 < len(series.paths) <= MOST_CHANNELS:
            message = "not a DICOM slide of several optical paths"
            raise ValueError(message)
        self.names = distinct_names(series.paths, len(series.paths))
        self.colours = [None] * len(self.names)
        self.rgb = False
        self.bits = series.bits
        self.format = "DICOM"
        self.sizes = series.sizes
        self.tile_size = series.tile_size

    @property
    def count(self) -> int:
        """Return the number of channels."""
        return len(self.names)

    def _fetch(self, index: int, level: int, box: tuple[int, int, int, int]) -> NDArray[Any]:
        return self._series.fetch(level, box, path=index, plane=self._plane, colour=False)


def open_planes(
    path: Path, plane: int | None = None, interpretation: Interpretation | None = None
) -> ChannelPlanes:
    """Open a slide of several channels at a focal plane; raises ValueError for any other file.

    A TIFF is opened by the interpretation, or else by the one that is kept beside it.
    """
    is_series = path.is_dir() or is_dicom(path)
    return DicomPlanes(path, plane) if is_series else ChannelPlanes(path, interpretation, plane)
