"""A colour image of a TIFF as levels of RGB pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from ml.slides.tiff.channels import channel_axis, channel_planes
from ml.slides.tiff.colours import colours_of
from ml.slides.tiff.images import list_images
from ml.slides.tiff.interpretation import Interpretation
from ml.slides.tiff.orientation import orientation_of_level, shown_size, stored_box, turn
from ml.slides.tiff.segments import Segments
from ml.slides.tiff.wide_samples import to_words


class TiffSource:
    """The slide of a TIFF as its interpretation states. Safe to use from several threads.

    Decodes only the tiles or strips that a box needs. Raises SlideError for what cannot be read.
    """

    allows_threads = True

    def __init__(self, path: Path, interpretation: Interpretation) -> None:
        # Other files that the header may name are not opened: it is a stranger's text.
        with tifffile.TiffFile(path, _multifile=False) as tiff:
            image = list_images(tiff)[interpretation.image]
            axis = channel_axis(image) if interpretation.planes else None
            self._levels: list[list[Any]] = []
            for number, level in enumerate(image.series.levels):
                planes = (
                    [plane.page for plane in channel_planes(level, axis, interpretation.plane)]
                    if axis
                    else []
                )
                chosen = [planes[index] for index in interpretation.planes]
                self._levels.append(chosen or [image.page_at(number, interpretation.plane)])
            self._segments = Segments(path)
            for page in (page for pages in self._levels for page in pages):
                self._segments.prepare(page)
            full = self._levels[0][0]
            self._colours = [
                colours_of(pages[0], interpretation.low, interpretation.high) for pages in self._levels
            ]
            self._orientations = [orientation_of_level(pages[0], full) for pages in self._levels]
        self.sizes = [
            shown_size((int(pages[0].keyframe.imagewidth), int(pages[0].keyframe.imagelength)), orientation)
            for pages, orientation in zip(self._levels, self._orientations, strict=True)
        ]
        self._spans = interpretation.spans
        keyframe = full.keyframe
        self.tile_size = (int(keyframe.tilewidth), int(keyframe.tilelength)) if keyframe.is_tiled else (0, 0)
        self.fetch(0, (0, 0, 1, 1))

    def fetch(self, level: int, box: tuple[int, int, int, int]) -> NDArray[np.uint8]:
        """See ``LevelSource``."""
        orientation = self._orientations[level]
        stored = stored_box(box, self.sizes[level], orientation)
        colours = self._colours[level]
        parts = [self._segments.read(page, stored) for page in self._levels[level]]
        if self._spans:
            parts = [to_words(part, self._spans[0]) for part in parts]
        if len(parts) == 1:
            rgb = colours.to_rgb(parts[0])
        else:
            rgb = np.stack([colours.to_rgb(part)[..., 0] for part in parts], axis=-1)
        return np.ascontiguousarray(turn(rgb, orientation))

    def close(self) -> None:
        """Drop the segments, which own the file."""
        del self._segments
