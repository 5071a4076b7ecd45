"""Use the names of files given by users in errors, not those of the storage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Bounds, SlideReader
from ml.slides import open_slide
from ml.slides.errors import errors_with_names
from ml.slides.resolution import square_view
from server.slides.models import Slide
from server.slides.selectors import slide_path


def given_name(slide: Slide) -> AbstractContextManager[None]:
    """Re-raise errors of slide readers with the given name of the slide."""
    return errors_with_names({PurePosixPath(slide.source_key).name: slide.name})


class NamedReader:
    """A ``SlideReader`` whose own errors name its slide, for work over several slides at once."""

    def __init__(self, reader: SlideReader, slide: Slide) -> None:
        self._reader, self._slide = reader, slide

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)

    def read(self, bounds: Bounds, size: tuple[int, int]) -> NDArray[np.uint8]:
        """See ``SlideReader``."""
        with given_name(self._slide):
            return self._reader.read(bounds, size)

    def read_squares(self, corners: NDArray[np.int64], side: int, pixels: int) -> NDArray[np.uint8]:
        """See ``SlideReader``."""
        with given_name(self._slide):
            return self._reader.read_squares(corners, side, pixels)


@contextmanager
def opened_by_name(slide: Slide) -> Iterator[Any]:
    """Yield the square view of a stored slide, whose errors name the slide; closes the reader."""
    with given_name(slide):
        reader = open_slide(slide_path(slide))
    with reader:
        yield NamedReader(square_view(reader, slide.resolution), slide)
