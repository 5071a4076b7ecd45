"""Base of recipes that find the objects of a slide: it asks the parts that a recipe lists."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry
from torch import Tensor

from ml.contracts import Context, Dataset, Evaluation, Prediction, SlideReader
from ml.data.objects import level_scale
from ml.inference.object_finder import ObjectFinder, predict_objects
from ml.inference.window_network import HALO, WindowNetwork
from ml.inference.windows import windows_of
from ml.methods.bases.catalogue_recipe import CatalogueRecipe
from ml.methods.bases.patch_recipe import Fitting
from ml.methods.bases.settings import WindowSettingsT_co
from ml.slides import tissue_mask
from ml.storage.model_folder import fitting, read_model, read_weights, write_model


class Evaluator(Protocol):
    """Measures a fitted model."""

    def evaluate(self, dataset: Dataset, context: Context, part: str) -> Evaluation:
        """Measure on one part of a dataset; ``all`` is every part."""
        ...


@dataclass(frozen=True)
class ObjectParts:
    """The parts of a recipe for objects: its network, its training, its measurement, and its predictions."""

    network: WindowNetwork
    fitting: Fitting
    evaluator: Evaluator
    finder: ObjectFinder


class ObjectRecipe(CatalogueRecipe[WindowSettingsT_co], ABC):
    """A recipe that finds objects window by window, put together from ``ObjectParts``."""

    def __init__(self, labels: Sequence[str], config: Mapping[str, Any]) -> None:
        super().__init__(labels, config)
        self.background = True
        self.parts = self.compose()

    @abstractmethod
    def compose(self) -> ObjectParts:
        """Return the parts of the recipe, from its settings and its state."""

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train on the parts ``train`` and ``validation``."""
        self.parts.fitting.fit(dataset, context)

    def ready(self, context: Context) -> None:
        """Move the network to the device of the context; raises DataError(``not_fitted``)."""
        self.parts.network.network.fitted()
        self.parts.network.network.ready(context)

    def look(self, pixels: NDArray[np.uint8]) -> Tensor:
        """Return the network's scores (c, h, w) of pixels (h, w, depth)."""
        return self.parts.network.look(pixels)

    def evaluate(self, dataset: Dataset, context: Context, part: str = "test") -> Evaluation:
        """Measure on one part of the dataset; ``all`` is every part."""
        self.ready(context)
        return self.parts.evaluator.evaluate(dataset, context, part)

    def predict(
        self, slide: SlideReader, context: Context, region: BaseGeometry | None = None
    ) -> Iterator[Prediction]:
        """Yield objects window by window; each comes from the window that contains its centre."""
        self.ready(context)
        scale, tile = level_scale(slide, self.config.mpp), self.config.tile
        windows = windows_of(slide, tile, HALO, scale, tissue=tissue_mask(slide), region=region)
        if not len(windows.places):
            yield Prediction(1.0)
            return
        finder, labels = self.parts.finder, len(self.labels)
        yield from predict_objects(
            slide, windows, context, finder=finder, labels=labels, tile=tile, region=region
        )

    def save(self, folder: Path) -> None:
        """Write ``model.json`` and safetensors into a new folder."""
        write_model(folder, self.state.to_file(), self.parts.network.network.weights())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model folder; raises DataError(``bad_weights``) with the reason."""
        model = read_model(folder)
        recipe = cls.build(model.labels, model.config)
        recipe.state.take(model)
        weights = read_weights(folder)
        with fitting(f"{folder}", cls.title):
            recipe.parts.network.network.restore(weights, model.seed)
        return recipe
