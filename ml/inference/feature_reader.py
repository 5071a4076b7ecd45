"""Reader of patches as stored features of an encoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Context, LabelledImage, SlideReader
from ml.data.folders.images import read_image
from ml.data.squares import Squares, pixels_of
from ml.features.compute import features_of, stream_features, table_key
from ml.features.encoder import Encoder
from ml.features.images import image_features
from ml.features.store import feature_store
from ml.messages import Message
from ml.slides.grid import GridSettings


class EncoderPart(Protocol):
    """The encoder of a model, which may be opened or restored later."""

    @property
    def current(self) -> Encoder:
        """Return the encoder."""
        ...


@dataclass(frozen=True)
class FeatureReader:
    """Reads features (n, size) from the feature store; missing ones are computed and stored.

    ``share`` is the share of a run's progress that reading slides takes, ``image_share`` that of images.
    """

    config: GridSettings
    encoder: EncoderPart
    share: float
    image_share: float

    def rows_of(
        self, reader: SlideReader, content: str, squares: Squares, context: Context
    ) -> NDArray[np.float32]:
        """Return the stored features of patches; computes missing ones."""
        encoder = self.encoder.current
        table = feature_store(context).open(content, encoder, self._key(reader, squares))

        def report(share: float, message: Message) -> None:
            context.report(self.share * share, message)

        return features_of(reader, squares, encoder, table, report, workers=context.workers)

    def image_rows(self, images: Sequence[LabelledImage], context: Context) -> NDArray[np.float32]:
        """Return the stored features of images; computes missing ones."""
        encoder = self.encoder.current
        table = feature_store(context).open("images", encoder, self._grid_key)

        def report(share: float, message: Message) -> None:
            context.report(self.image_share * share, message)

        return image_features([image.path for image in images], encoder, table, report)

    def pixel_rows(self, reader: SlideReader, squares: Squares, context: Context) -> NDArray[np.uint8]:
        """Return the pixels of patches that are encoded."""
        return pixels_of(reader, squares, self.encoder.current.pixels, context)

    def image_pixel_rows(self, images: Sequence[LabelledImage], context: Context) -> NDArray[np.uint8]:
        """Return the pixels of images that are encoded."""
        context.report(0.0, Message("reading_images", count=len(images)))
        return np.stack([read_image(image.path, self.encoder.current.pixels) for image in images])

    def stream(
        self, reader: SlideReader, squares: Squares, context: Context
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float32]]]:
        """Yield the features of patches, stored ones first."""
        encoder, store = self.encoder.current, feature_store(context)
        table = store.open(store.content_of(reader.path), encoder, self._key(reader, squares))
        yield from stream_features(reader, squares, encoder, table, context.workers)

    def _key(self, reader: SlideReader, squares: Squares) -> str:
        return table_key(self._grid_key, reader, squares)

    @property
    def _grid_key(self) -> str:
        mpp = self.config.mpp
        return f"{self.config.patch}px-{'native' if mpp is None else format(mpp, 'g')}"
