"""Base of recipes that classify patches: it asks the parts that a recipe lists."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from ml.contracts import (
    Context,
    DataError,
    Dataset,
    Evaluation,
    LabelledImage,
    Prediction,
    Recipe,
    Settings,
    SettingsT_co,
    SlideReader,
)
from ml.data.squares import Squares
from ml.data.training_table import TrainingTable
from ml.evaluation.classification import evaluate_classes
from ml.features.patch_grids import full_grid, tissue_grid
from ml.features.patch_reader import PatchReader
from ml.features.patch_sampler import Sampler
from ml.inference.patch_predictions import Finding, PatchPredictor, predict_grid
from ml.messages import Message
from ml.methods.bases.catalogue_recipe import CatalogueRecipe
from ml.slides import PatchGrid
from ml.slides.grid import GridSettings
from ml.storage.model_folder import fitting, read_model, read_weights, write_model
from ml.storage.room import remove_folder_on_failure


class Fitting(Protocol):
    """Fits the predictor of a recipe."""

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train on the parts ``train`` and ``validation`` of a dataset."""
        ...


class NestedModels(Protocol):
    """Models inside the folder of another model."""

    def models(self) -> Mapping[str, Recipe[Settings]]:
        """Return the models by the names of their folders; raises DataError(``not_fitted``)."""
        ...

    def load(self, folder: Path) -> None:
        """Read the models from the folder of the whole model; raises DataError(``bad_weights``)."""
        ...


@dataclass(frozen=True)
class PatchParts:
    """The parts of a patch recipe.

    ``grid`` returns the settings by which patches are laid out. ``fitting`` fits the predictor to a dataset.
    ``finding`` sums up a slide from the probabilities of all its patches. ``nested`` are models that the
    recipe asks, saved in folders of their own.
    """

    grid: Callable[[], GridSettings]
    reader: PatchReader
    sampler: Sampler
    predictor: PatchPredictor
    fitting: Fitting
    finding: Finding | None = None
    nested: NestedModels | None = None


class PatchRecipe(CatalogueRecipe[SettingsT_co], ABC):
    """A classifier of patches, put together from ``PatchParts``.

    ``combines`` recipes ask other recipes of patches, and are no members of such recipes themselves.
    """

    combines: ClassVar[bool] = False

    def __init__(self, labels: Sequence[str], config: Mapping[str, Any]) -> None:
        super().__init__(labels, config)
        self.parts = self.compose()

    @abstractmethod
    def compose(self) -> PatchParts:
        """Return the parts of the recipe, from its settings and its state."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Return the labels, and background where it is a class."""
        return self.state.classes

    @property
    def grid_settings(self) -> GridSettings:
        """Return the settings by which patches are laid out on a slide."""
        return self.parts.grid()

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train on the parts ``train`` and ``validation``."""
        self.parts.fitting.fit(dataset, context)

    def ready(self, context: Context) -> None:
        """Move the model to the device of the context."""
        self.parts.predictor.ready(context)

    def gather(self, dataset: Dataset, context: Context, parts: Sequence[str]) -> TrainingTable:
        """Return all labelled items of some parts; raises DataError(``no_labels``) for none."""
        return self.parts.sampler.gather(dataset, context, parts)

    def rows_of(self, reader: SlideReader, content: str, squares: Squares, context: Context) -> Any:
        """Return the input of the classifier for each patch, (n, ...)."""
        return self.parts.reader.rows_of(reader, content, squares, context)

    def image_rows(self, images: Sequence[LabelledImage], context: Context) -> Any:
        """Return the input of the classifier for each image, (n, ...)."""
        return self.parts.reader.image_rows(images, context)

    def pixel_rows(self, reader: SlideReader, squares: Squares, context: Context) -> NDArray[np.uint8]:
        """Return the pixels (n, ..., side, side, 3) of each patch as the network reads them."""
        return self.parts.reader.pixel_rows(reader, squares, context)

    def image_pixel_rows(self, images: Sequence[LabelledImage], context: Context) -> NDArray[np.uint8]:
        """Return the pixels (n, ..., side, side, 3) of each image as the network reads them."""
        return self.parts.reader.image_pixel_rows(images, context)

    def judge(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Return calibrated probabilities (n, k) over the classes."""
        return self.parts.predictor.judge(rows)

    def judge_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return calibrated probabilities (n, k) for pixels as ``pixel_rows`` returns them."""
        return self.parts.predictor.judge_pixels(pixels)

    def grid(self, reader: SlideReader) -> PatchGrid:
        """Return all patches of a slide at the recipe's settings."""
        return full_grid(reader, self.grid_settings, None)

    def evaluate(self, dataset: Dataset, context: Context, part: str = "test") -> Evaluation:
        """Measure on the labelled patches of one part; ``all`` is every part.

        Raises DataError(``nothing_to_measure``) for no patches, and for a model without labels.
        """
        if not self.labels:
            raise DataError(Message("learned_without_labels"), code="nothing_to_measure")
        self.ready(context)
        known = self.gather(dataset, context, (part,))
        sure = known.truth >= 0
        if not sure.any():
            message = Message("no_patch_to_measure", part=part)
            raise DataError(message, code="nothing_to_measure")
        probability = self.judge(known.rows[sure]).astype(np.float32)
        return evaluate_classes(self.classes, known.truth[sure], probability, known.units[sure], context.seed)

    def predict(
        self, slide: SlideReader, context: Context, region: BaseGeometry | None = None
    ) -> Iterator[Prediction]:
        """Yield growing heat maps and new boxes, block by block; the last has progress 1."""
        self.ready(context)
        grid = tissue_grid(slide, self.grid_settings, context, region)
        if not len(grid):
            yield Prediction(1.0)
            return
        parts = self.parts
        yield from predict_grid(
            slide,
            grid,
            context,
            reader=parts.reader,
            predictor=parts.predictor,
            labels=len(self.labels),
            finding=parts.finding,
        )

    def restore(self, weights: dict[str, NDArray[Any]]) -> None:
        """Restore the arrays of a model folder."""
        self.parts.predictor.restore(weights)

    def save(self, folder: Path) -> None:
        """Write ``model.json`` and safetensors, and nested models in their own folders, into a new folder."""
        nested = self.parts.nested
        models = nested.models() if nested is not None else {}
        with remove_folder_on_failure(folder):
            write_model(folder, self.state.to_file(), self.parts.predictor.weights())
            for name, model in models.items():
                model.save(folder / name)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model folder; raises DataError(``bad_weights``) with the reason."""
        model = read_model(folder)
        recipe = cls.build(model.labels, model.config)
        recipe.state.take(model)
        weights = read_weights(folder)
        with fitting(f"{folder}", cls.title):
            recipe.restore(weights)
        if recipe.parts.nested is not None:
            recipe.parts.nested.load(folder)
        return recipe
