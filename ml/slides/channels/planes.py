"""Planes of a multi-channel TIFF: OME-TIFF, QPTIFF, multi-page and multi-sample files.

Only segments (tiles or strips) that a request needs are read and decoded. Other files that the header
may name are never opened: a header is a stranger's text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from ml.slides.tiff.channels import (
    channel_axis,
    channel_colours,
    channel_names,
    channel_planes,
)
from ml.slides.tiff.images import list_images
from ml.slides.tiff.interpretation import CHANNELS, Interpretation, interpretation_at
from ml.slides.tiff.orientation import orientation_of_level, shown_size, stored_box, turn
from ml.slides.tiff.segments import Segments
from ml.slides.tiff.wide_samples import read_type, to_words

_SAMPLED_SIDE: Final = 1024
_BLOCK: Final = 4096
_LOWEST, _HIGHEST = 1.0, 99.7


class ChannelPlanes:
    """An open multi-channel TIFF. ``sizes`` are (width, height) of the stored levels, largest first.

    Safe to use from several threads. Raises ValueError for a file that is no multi-channel slide.
    """

    def __init__(
        self, path: Path, interpretation: Interpretation | None = None, plane: int | None = None
    ) -> None:
        chosen = interpretation_at(path, interpretation, plane)
        with tifffile.TiffFile(path, _multifile=False) as tiff:
            image = list_images(tiff)[chosen.image]
            axis = channel_axis(image) if chosen.reader == CHANNELS else None
            if axis is None:
                message = "not a multi-channel slide"
                raise ValueError(message)
            series = image.series
            self._levels = [channel_planes(level, axis, chosen.plane) for level in series.levels]
            self.names = channel_names(tiff, image, len(self._levels[0]))
            self.colours = channel_colours(tiff, image, len(self._levels[0]))
            keyframe: Any = series.keyframe
            self.rgb = axis == "S" and int(keyframe.photometric) == tifffile.PHOTOMETRIC.RGB
            self.bits = read_type(keyframe.dtype).itemsize * 8
            self._spans = chosen.spans
            self.format = "OME-TIFF" if tiff.is_ome else "QPTIFF" if tiff.is_qpi else "Multi-channel TIFF"
            self._segments = Segments(path)
            for one in (one for level in self._levels for one in level):
                self._segments.prepare(one.page)
            full = self._levels[0][0].page
            self._orientations = [orientation_of_level(level[0].page, full) for level in self._levels]
        self.sizes = [
            shown_size(
                (int(level[0].page.keyframe.imagewidth), int(level[0].page.keyframe.imagelength)), orientation
            )
            for level, orientation in zip(self._levels, self._orientations, strict=True)
        ]
        keyframe = full.keyframe
        self.tile_size = (int(keyframe.tilewidth), int(keyframe.tilelength)) if keyframe.is_tiled else (0, 0)

    @property
    def count(self) -> int:
        """The number of channels."""
        return len(self._levels[0])

    def read(self, index: int, box: tuple[float, float, float, float], size: tuple[int, int]) -> NDArray[Any]:
        """Return ``box`` = (left, top, right, bottom) in level-0 pixels of one channel as (h, w) integers.

        It is resampled by area to ``size`` = (width, height) from the smallest level that is fine enough,
        block by block, so that a slide without a pyramid costs time but not memory.
        """
        columns, rows = size
        step_x, step_y = (box[2] - box[0]) / columns, (box[3] - box[1]) / rows
        level = self._level_for(min(step_x, step_y))
        to_x, to_y = (self.sizes[level][axis] / self.sizes[0][axis] for axis in (0, 1))
        block = (max(1, int(_BLOCK / max(step_x * to_x, 1))), max(1, int(_BLOCK / max(step_y * to_y, 1))))
        out = np.zeros((rows, columns), np.uint8 if self.bits == 8 else np.uint16)  # noqa: PLR2004
        for top in range(0, rows, block[1]):
            for left in range(0, columns, block[0]):
                right, bottom = min(left + block[0], columns), min(top + block[1], rows)
                place = (
                    (box[0] + left * step_x) * to_x,
                    (box[1] + top * step_y) * to_y,
                    (box[0] + right * step_x) * to_x,
                    (box[1] + bottom * step_y) * to_y,
                )
                out[top:bottom, left:right] = self._resampled(
                    index, level, place, (right - left, bottom - top)
                )
        return out

    def ranges(self) -> list[tuple[int, int, int]]:
        """Return (low, high, top) of each channel: its range in an overview, and its highest value."""
        width, height = self.sizes[0]
        scale = min(1.0, _SAMPLED_SIDE / max(width, height))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        ranges = []
        for index in range(self.count):
            plane = self.read(index, (0, 0, width, height), size)
            low, high = np.percentile(plane, [_LOWEST, _HIGHEST])
            ranges.append((int(low), int(high), int(plane.max())))
        return ranges

    def _level_for(self, downsample: float) -> int:
        best = 0
        for level, (width, _) in enumerate(self.sizes):
            if self.sizes[0][0] / width <= downsample * 1.01:
                best = level
        return best

    def _resampled(
        self, index: int, level: int, place: tuple[float, float, float, float], size: tuple[int, int]
    ) -> NDArray[Any]:
        width, height = self.sizes[level]
        left, top = min(int(place[0] + 1e-6), width - 1), min(int(place[1] + 1e-6), height - 1)
        right = max(left + 1, min(width, int(np.ceil(place[2] - 1e-6))))
        bottom = max(top + 1, min(height, int(np.ceil(place[3] - 1e-6))))
        pixels = self._fetch(index, level, (left, top, right, bottom))
        if (right - left, bottom - top) == size:
            return pixels
        part = (
            max(0.0, place[0] - left),
            max(0.0, place[1] - top),
            min(float(right - left), place[2] - left),
            min(float(bottom - top), place[3] - top),
        )
        image = Image.fromarray(pixels.astype(np.float32))
        resized = np.rint(np.asarray(image.resize(size, Image.Resampling.BOX, box=part)))
        kind = np.uint8 if self.bits == 8 else np.uint16  # noqa: PLR2004
        return np.asarray(resized, kind)

    def _fetch(self, index: int, level: int, box: tuple[int, int, int, int]) -> NDArray[Any]:
        plane, orientation = self._levels[level][index], self._orientations[level]
        stored = stored_box(box, self.sizes[level], orientation)
        samples = self._segments.read(plane.page, stored, plane.sample if plane.sample >= 0 else None)
        if self._spans:
            samples = to_words(samples, self._spans[index])
        return np.ascontiguousarray(turn(samples[..., 0], orientation))
