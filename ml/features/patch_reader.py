"""Protocol of the part of a patch recipe that reads the input of its classifier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Context, LabelledImage, SlideReader
from ml.data.squares import Squares


class PatchReader(Protocol):
    """Reads patches and images as rows for a classifier, and as the pixels that rows are computed from."""

    def rows_of(self, reader: SlideReader, content: str, squares: Squares, context: Context) -> Any:
        """Return the input of the classifier for each patch, (n, ...)."""
        ...

    def image_rows(self, images: Sequence[LabelledImage], context: Context) -> Any:
        """Return the input of the classifier for each image, (n, ...)."""
        ...

    def pixel_rows(self, reader: SlideReader, squares: Squares, context: Context) -> NDArray[np.uint8]:
        """Return the pixels (n, ..., side, side, 3) of each patch as the network reads them."""
        ...

    def image_pixel_rows(self, images: Sequence[LabelledImage], context: Context) -> NDArray[np.uint8]:
        """Return the pixels (n, ..., side, side, 3) of each image as the network reads them."""
        ...

    def stream(
        self, reader: SlideReader, squares: Squares, context: Context
    ) -> Iterator[tuple[NDArray[np.intp], Any]]:
        """Yield (indices into ``squares``, their rows), block by block."""
        ...
