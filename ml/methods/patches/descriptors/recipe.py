"""Hand-made descriptors under kernel logistic regression, for quick iterations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Context, DataError, Dataset, LabelledImage, SlideReader
from ml.data.folders.images import read_image
from ml.data.squares import Squares
from ml.features.compute import features_of, stream_features, table_key
from ml.features.descriptors import DescriptorEncoder
from ml.features.images import image_features
from ml.messages import Message
from ml.methods.bases.patch_recipe import (
    GridRecipe,
    PatchPredictions,
    TrainingTable,
    Weights,
    feature_store,
    pixels_of,
    predictions_of,
    squares_of,
)
from ml.methods.patches.descriptors.info import INFO, DescriptorsConfig
from ml.training.kernel import KernelHead, fit_head
from ml.training.logistic import probabilities

# Beyond this many per class more patches of large outlines cost time and teach little.
MOST_PER_CLASS = 1500


class Descriptors(GridRecipe[DescriptorsConfig]):
    """Colour, texture and nuclei descriptors, classified by logistic regression."""

    info = INFO

    def __init__(self, labels: Sequence[str], config: Mapping[str, Any]) -> None:
        super().__init__(labels, config)
        self.encoder = DescriptorEncoder(self.config.patch)
        self._head: KernelHead | None = None

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train on the stored features of the labelled patches; computes missing ones."""
        self._prepare(dataset, context)
        known = self._thinned(self.gather(dataset, context, ("train", "validation")))
        if len(np.unique(known.targets.argmax(axis=1))) < 2:  # noqa: PLR2004 - as above
            message = Message("one_class_marked")
            raise DataError(message, code="one_class_only")
        context.report(0.9, Message("learning_from_patches", count=len(known.rows)))
        self._head, self.temperature = fit_head(
            known.rows.astype(np.float64),
            known.targets,
            known.weights,
            known.units,
            penalty=self.config.penalty,
            kernel=self.config.kernel,
            seed=context.seed,
        )
        self.facts = {"patches": len(known.rows)}
        context.report(1.0, Message("learned"))

    def describe(self, reader: SlideReader, content: str, context: Context) -> int:
        """Compute and store the features of all tissue patches of a slide; return their number."""
        squares = self.tissue_squares(reader, content, context)
        if len(squares):
            self.rows_of(reader, content, squares, context)
        return len(squares)

    def tissue_squares(self, reader: SlideReader, content: str, context: Context) -> Squares:
        """Return all patches of a slide with tissue."""
        feature_store(context).remember(reader.path, content)
        return squares_of(self._tissue_grid(reader, context, None))

    def _thinned(self, known: TrainingTable) -> TrainingTable:
        random = np.random.default_rng(self.seed)
        kept = []
        leading = known.targets.argmax(axis=1)
        for number in range(known.targets.shape[1]):
            members = np.flatnonzero(leading == number)
            kept.append(np.sort(random.permutation(members)[:MOST_PER_CLASS]))
        keep = np.sort(np.concatenate(kept))
        return known.take(keep)

    def _grid_key(self) -> str:
        mpp = self.config.mpp
        return f"{self.config.patch}px-{'native' if mpp is None else format(mpp, 'g')}"

    def rows_of(
        self, reader: SlideReader, content: str, squares: Squares, context: Context
    ) -> NDArray[np.float32]:
        """Return the stored features of patches; computes missing ones."""
        key = table_key(self._grid_key(), reader, squares)
        table = feature_store(context).open(content, self.encoder, key)

        def report(share: float, message: Message) -> None:
            context.report(0.9 * share, message)

        return features_of(reader, squares, self.encoder, table, report, workers=context.workers)

    def image_rows(self, images: Sequence[LabelledImage], context: Context) -> NDArray[np.float32]:
        """Return the stored features of images; computes missing ones."""
        table = feature_store(context).open("images", self.encoder, self._grid_key())
        paths = [image.path for image in images]
        return image_features(paths, self.encoder, table, context.report)

    def judge(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Return calibrated probabilities (n, k) for (n, 243) features."""
        head = self._fitted()
        return probabilities(head.scores(rows.astype(np.float64)), self.temperature)

    def pixel_rows(self, reader: SlideReader, squares: Squares, context: Context) -> NDArray[np.uint8]:
        """Return the pixels of patches that the descriptors are computed from."""
        return pixels_of(reader, squares, self.encoder.pixels, context)

    def image_pixel_rows(self, images: Sequence[LabelledImage], context: Context) -> NDArray[np.uint8]:
        """Return the pixels of images that the descriptors are computed from."""
        context.report(0.0, Message("reading_images", count=len(images)))
        return np.stack([read_image(image.path, self.encoder.pixels) for image in images])

    def judge_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return calibrated probabilities of pixels, from newly computed descriptors."""
        return self.judge(self.encoder.encode(pixels))

    def _stream(self, reader: SlideReader, squares: Squares, context: Context) -> Iterator[PatchPredictions]:
        store = feature_store(context)
        key = table_key(self._grid_key(), reader, squares)
        table = store.open(store.content_of(reader.path), self.encoder, key)
        for indices, values in stream_features(reader, squares, self.encoder, table, context.workers):
            yield predictions_of(indices, self.judge(values))

    def _weights(self) -> Weights:
        return self._fitted().arrays()

    def restore(self, weights: Weights) -> None:
        """Restore saved arrays; raises KeyError, ValueError or RuntimeError for other arrays."""
        self._head = KernelHead.from_arrays(weights)
        self._head.check(self.encoder.size, len(self.classes))

    def _fitted(self) -> KernelHead:
        if self._head is None:
            raise DataError(Message("not_fitted"))
        return self._head
