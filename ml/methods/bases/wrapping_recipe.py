"""Base of recipes that post-process the predictions of an earlier model."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Context, DataError, Dataset, LabelledImage, Settings, SlideReader
from ml.data.squares import Squares
from ml.messages import Message
from ml.methods.bases.patch_recipe import PatchPredictions, PatchRecipe, Weights
from ml.methods.bases.settings import WrappingSettingsT_co
from ml.methods.loading import load_model
from ml.slides.grid import GridSettings
from ml.storage.room import remove_folder_on_failure

INNER = "inner"
CHUNK = 256


def open_patch_model(name: str, labels: Sequence[str], context: Context) -> PatchRecipe[Settings]:
    """Return an earlier model of patches; raises DataError with the reason why it is not usable."""
    if not name:
        message = Message("source_to_ask_missing")
        raise DataError(message, code="no_source")
    model = load_model(context.find_model(name))
    if not isinstance(model, PatchRecipe):
        message = Message(
            "source_not_patches",
            name=str(name),
            recipe=model.name,
            title=model.title,
        )
        raise DataError(message, code="bad_source")
    if tuple(model.labels) != tuple(labels):
        message = Message(
            "source_other_labels",
            name=str(name),
            known=", ".join(model.labels),
            labels=", ".join(labels),
        )
        raise DataError(message, code="other_labels")
    return model


class WrappingRecipe(PatchRecipe[WrappingSettingsT_co]):
    """A recipe around the model ``inner``, saved in its folder, with the inner model's patch settings."""

    _inner: PatchRecipe[Settings] | None = None

    @property
    def inner(self) -> PatchRecipe[Settings]:
        """Return the inner model; raises DataError(``not_fitted``)."""
        if self._inner is None:
            raise DataError(Message("inner_model_missing"), code="not_fitted")
        return self._inner

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Open the earlier model and adjust to the data."""
        self._inner = open_patch_model(self.config.source, self.labels, context)
        self.ready(context)
        self.seed, self.background = context.seed, self._inner.background
        self.facts = {"source": self.config.source, "recipe": self._inner.name}
        self.adjust(dataset, context)
        context.report(1.0, Message("ready"))

    def adjust(self, dataset: Dataset, context: Context) -> None:
        """Fit this recipe's own parameters; nothing by default."""
        del dataset, context

    def ready(self, context: Context) -> None:
        """Move the inner model to the device of the context."""
        self.inner.ready(context)

    def rows_of(
        self, reader: SlideReader, content: str, squares: Squares, context: Context
    ) -> NDArray[np.uint8]:
        """Return the pixels of patches as the inner model reads them."""
        del content
        return self.pixel_rows(reader, squares, context)

    def image_rows(self, images: Sequence[LabelledImage], context: Context) -> NDArray[np.uint8]:
        """Return the pixels of images as the inner model reads them."""
        return self.image_pixel_rows(images, context)

    def pixel_rows(self, reader: SlideReader, squares: Squares, context: Context) -> NDArray[np.uint8]:
        """Return the pixels of patches as the inner model reads them."""
        return self.inner.pixel_rows(reader, squares, context)

    def image_pixel_rows(self, images: Sequence[LabelledImage], context: Context) -> NDArray[np.uint8]:
        """Return the pixels of images as the inner model reads them."""
        return self.inner.image_pixel_rows(images, context)

    def judge_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return probabilities (n, k)."""
        return self.judge(pixels)

    @abstractmethod
    def judged(self, indices: NDArray[np.intp], pixels: NDArray[Any]) -> PatchPredictions:
        """Return the predictions for some patches."""

    def judge(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Return probabilities (n, k)."""
        return self.judged(np.arange(len(rows)), rows).probability

    def _stream(self, reader: SlideReader, squares: Squares, context: Context) -> Iterator[PatchPredictions]:
        for start in range(0, len(squares), CHUNK):
            part = Squares(squares.corners[start : start + CHUNK], squares.side)
            yield self.judged(np.arange(start, start + len(part)), self.pixel_rows(reader, part, context))

    @property
    def grid_settings(self) -> GridSettings:
        """Return the settings of the inner model."""
        return self.inner.grid_settings

    def save(self, folder: Path) -> None:
        """Write the model, and the inner one in its own folder."""
        inner = self.inner
        with remove_folder_on_failure(folder):
            super().save(folder)
            inner.save(folder / INNER)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model folder; raises DataError(``bad_weights``)."""
        recipe = super().load(folder)
        inner = load_model(folder / INNER)
        if not isinstance(inner, PatchRecipe):
            message = Message("member_no_patches", folder=str(folder / INNER))
            raise DataError(message, code="bad_weights")
        recipe._inner = inner  # noqa: SLF001 - its own class
        return recipe

    def _weights(self) -> Weights:
        return {"wraps": np.ones(1, dtype=np.float32)}

    def restore(self, weights: Weights) -> None:
        """Restore saved arrays."""
        weights["wraps"]
