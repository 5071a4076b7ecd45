"""An earlier model of patches as a part of another recipe, saved in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Context, DataError, Dataset, LabelledImage, Settings, SlideReader
from ml.data.squares import Squares
from ml.messages import Message
from ml.methods.bases.patch_recipe import PatchRecipe
from ml.methods.loading import load_model
from ml.slides.grid import GridSettings
from ml.storage.model_state import ModelState

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


def load_patch_model(folder: Path) -> PatchRecipe[Settings]:
    """Read a model of patches inside another model; raises DataError(``bad_weights``)."""
    model = load_model(folder)
    if not isinstance(model, PatchRecipe):
        message = Message("member_no_patches", folder=str(folder))
        raise DataError(message, code="bad_weights")
    return model


class InnerModel:
    """The model that a recipe asks; it is absent before ``open`` or ``load``."""

    def __init__(self) -> None:
        self.current: PatchRecipe[Settings] | None = None

    def fitted(self) -> PatchRecipe[Settings]:
        """Return the inner model; raises DataError(``not_fitted``)."""
        if self.current is None:
            raise DataError(Message("inner_model_missing"), code="not_fitted")
        return self.current

    def grid(self) -> GridSettings:
        """Return the grid settings of the inner model."""
        return self.fitted().grid_settings

    def models(self) -> Mapping[str, PatchRecipe[Settings]]:
        """Return the model by the name of its folder; raises DataError(``not_fitted``)."""
        return {INNER: self.fitted()}

    def load(self, folder: Path) -> None:
        """Read the inner model from the folder of the whole model."""
        self.current = load_patch_model(folder / INNER)


@dataclass(frozen=True)
class InnerReader:
    """Reads the pixels of patches as the inner model reads them."""

    inner: InnerModel

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
        return self.inner.fitted().pixel_rows(reader, squares, context)

    def image_pixel_rows(self, images: Sequence[LabelledImage], context: Context) -> NDArray[np.uint8]:
        """Return the pixels of images."""
        return self.inner.fitted().image_pixel_rows(images, context)

    def stream(
        self, reader: SlideReader, squares: Squares, context: Context
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.uint8]]]:
        """Yield the pixels of patches in blocks."""
        for start in range(0, len(squares), CHUNK):
            part = squares.take(slice(start, start + CHUNK))
            yield np.arange(start, start + len(part)), self.pixel_rows(reader, part, context)


@dataclass(frozen=True)
class InnerFitting:
    """Opens the earlier model ``source``, then adjusts the recipe to the data."""

    state: ModelState
    inner: InnerModel
    source: str
    adjust: Callable[[Dataset, Context], None] | None = None

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Open the earlier model and adjust to the data."""
        state, inner = self.state, open_patch_model(self.source, self.state.labels, context)
        self.inner.current = inner
        inner.ready(context)
        state.seed, state.background = context.seed, inner.background
        state.facts = {"source": self.source, "recipe": inner.name}
        if self.adjust is not None:
            self.adjust(dataset, context)
        context.report(1.0, Message("ready"))
