"""Readers of patches for networks: pixels of one magnification, or of several around the same centre."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Context, LabelledImage, SlideReader
from ml.data.folders.images import read_image
from ml.data.squares import Squares, gathered, pixels_of, read_patches, read_views
from ml.inference.views import image_views
from ml.messages import Message
from ml.networks.precision import inference_batch_size
from ml.storage.model_state import ModelState

Blocks = Iterator[tuple[NDArray[np.intp], NDArray[np.uint8]]]


class Stain(Protocol):
    """Normalises the stain of slides and images before a network reads them."""

    def of_slide(self, reader: SlideReader) -> SlideReader:
        """Return a reader of the slide with another stain."""
        ...

    def of_image(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the pixels (h, w, 3) of an image with another stain."""
        ...


class UnchangedStain:
    """Leaves slides and images as they are."""

    def of_slide(self, reader: SlideReader) -> SlideReader:
        """Return the same reader."""
        return reader

    def of_image(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the same pixels."""
        return pixels


UNCHANGED: Final = UnchangedStain()


@dataclass(frozen=True)
class PixelReader:
    """Reads patches (n, side, side, 3 or channels) with ``side`` pixels, in one stain."""

    state: ModelState
    side: int
    stain: Stain = UNCHANGED

    def rows_of(
        self, reader: SlideReader, content: str, squares: Squares, context: Context
    ) -> NDArray[np.uint8]:
        """Return the pixels of patches."""
        del content
        return self.pixel_rows(reader, squares, context)

    def image_rows(self, images: Sequence[LabelledImage], context: Context) -> NDArray[np.uint8]:
        """Return the pixels of images."""
        return self.image_pixel_rows(images, context)

    def pixel_rows(self, reader: SlideReader, squares: Squares, context: Context) -> NDArray[np.uint8]:
        """Return the pixels of patches."""
        return pixels_of(self.stain.of_slide(reader), squares, self.side, context)

    def image_pixel_rows(self, images: Sequence[LabelledImage], context: Context) -> NDArray[np.uint8]:
        """Return the pixels of images."""
        context.report(0.0, Message("reading_images", count=len(images)))
        channels = self.state.channels
        return np.stack(
            [self.stain.of_image(read_image(image.path, self.side, channels)) for image in images]
        )

    def stream(self, reader: SlideReader, squares: Squares, context: Context) -> Blocks:
        """Yield the pixels of patches in batches that suit the device."""
        blocks = read_patches(self.stain.of_slide(reader), squares, self.side, workers=context.workers)
        yield from gathered(blocks, inference_batch_size(context.device))


@dataclass(frozen=True)
class ViewReader:
    """Reads views (n, scales, side, side, 3 or channels) of patches, each twice as wide as the one before.

    ``patch`` is the side of the first view in an image, in pixels.
    """

    state: ModelState
    patch: int
    side: int
    scales: int

    @property
    def factors(self) -> tuple[int, ...]:
        """Return the width of each view in patch sides."""
        return tuple(2**k for k in range(self.scales))

    def rows_of(
        self, reader: SlideReader, content: str, squares: Squares, context: Context
    ) -> NDArray[np.uint8]:
        """Return the views of patches."""
        del content
        return self.pixel_rows(reader, squares, context)

    def image_rows(self, images: Sequence[LabelledImage], context: Context) -> NDArray[np.uint8]:
        """Return the views of images about their centres."""
        return self.image_pixel_rows(images, context)

    def pixel_rows(self, reader: SlideReader, squares: Squares, context: Context) -> NDArray[np.uint8]:
        """Return the views of patches."""
        shape = (len(squares), self.scales, self.side, self.side, self.state.depth)
        rows = np.empty(shape, dtype=np.uint8)
        done = 0
        for which, views in read_views(reader, squares, self.side, self.factors, workers=context.workers):
            rows[which] = views
            done += len(which)
            context.report(0.0, Message("patches_read", done=done, total=len(squares)))
        return rows

    def image_pixel_rows(self, images: Sequence[LabelledImage], context: Context) -> NDArray[np.uint8]:
        """Return the views of images about their centres."""
        context.report(0.0, Message("reading_images", count=len(images)))
        channels = self.state.channels
        return np.stack(
            [image_views(image.path, self.patch, self.side, self.factors, channels) for image in images]
        )

    def stream(self, reader: SlideReader, squares: Squares, context: Context) -> Blocks:
        """Yield the views of patches in batches that suit the device."""
        blocks = read_views(reader, squares, self.side, self.factors, workers=context.workers)
        yield from gathered(blocks, inference_batch_size(context.device))
