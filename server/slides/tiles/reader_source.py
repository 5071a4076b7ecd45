"""A slide by the reader of ``ml``, with the attributes that a large-image source has."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Bounds
from ml.messages import Message
from ml.slides.errors import SlideError
from ml.slides.levels import LevelReader
from ml.slides.reading import open_interpreted, open_slide
from ml.slides.tiff.interpretation import Interpretation, interpretation_at
from server.slides.errors import UnreadableSlideError


class ReaderSource:
    """Source of a slide by ``ml``'s reader, so that users see a model's pixels. Safe for several threads.

    Raises UnreadableSlideError with the reader's own sentence.
    """

    def __init__(
        self, path: Path, interpretation: Interpretation | None = None, plane: int | None = None
    ) -> None:
        try:
            if interpretation is not None:
                reader = open_interpreted(path, interpretation_at(path, interpretation, plane))
            else:
                reader = open_slide(path, plane)
        except SlideError as error:
            raise UnreadableSlideError(error.detail, code=error.code) from error
        if not isinstance(reader, LevelReader):
            message = Message("no_colours")
            raise UnreadableSlideError(message)
        self._reader = reader
        self.sizeX, self.sizeY = self._reader.width, self._reader.height
        self.tileWidth, self.tileHeight = self._reader.tile_size
        self._lock = None if self._reader.allows_threads else threading.Lock()

    def draw(self, box: tuple[int, int, int, int], size: tuple[int, int]) -> NDArray[np.uint8]:
        """Return ``box`` = (x, y, width, height) in level-0 pixels as RGB of ``size`` = (width, height)."""
        try:
            if self._lock is None:
                return self._reader.read(Bounds(*box), size)
            with self._lock:
                return self._reader.read(Bounds(*box), size)
        except SlideError as error:
            raise UnreadableSlideError(error.detail, code=error.code) from error
