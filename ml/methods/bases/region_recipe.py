"""Base of recipes that classify each pixel into regions: it asks the parts that a recipe lists."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from shapely.geometry.base import BaseGeometry
from torch import nn

from ml.contracts import Context, Dataset, Evaluation, Prediction, SlideReader
from ml.inference.region_windows import (
    PixelClassifier,
    PixelEvaluator,
    PixelWindows,
    RegionWindows,
    predict_regions,
)
from ml.inference.window_network import WindowNetwork
from ml.methods.bases.catalogue_recipe import CatalogueRecipe
from ml.methods.bases.object_recipe import Evaluator
from ml.methods.bases.patch_recipe import Fitting
from ml.methods.bases.settings import RegionMapSettingsT_co, RegionSettings
from ml.networks.model_network import ModelNetwork
from ml.storage.model_folder import fitting, read_model, read_weights, write_model
from ml.storage.model_state import ModelState
from ml.training.crop_trainer import CropTrainer
from ml.training.region_fitting import RegionFitting


@dataclass(frozen=True)
class RegionParts:
    """The parts of a recipe for regions: its network, its training, its measurement, and its windows."""

    network: ModelNetwork[nn.Module]
    fitting: Fitting
    evaluator: Evaluator
    windows: RegionWindows


class RegionRecipe(CatalogueRecipe[RegionMapSettingsT_co], ABC):
    """A recipe of class shares by pixel, traced to outlines, put together from ``RegionParts``."""

    def __init__(self, labels: Sequence[str], config: Mapping[str, Any]) -> None:
        super().__init__(labels, config)
        self.background = True
        self.parts = self.compose()

    @abstractmethod
    def compose(self) -> RegionParts:
        """Return the parts of the recipe, from its settings and its state."""

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train on the parts ``train`` and ``validation``."""
        self.parts.fitting.fit(dataset, context)

    def ready(self, context: Context) -> None:
        """Move the network to the device of the context; raises DataError(``not_fitted``)."""
        self.parts.network.fitted()
        self.parts.network.ready(context)

    def evaluate(self, dataset: Dataset, context: Context, part: str = "test") -> Evaluation:
        """Measure on one part of the dataset; ``all`` is every part."""
        self.ready(context)
        return self.parts.evaluator.evaluate(dataset, context, part)

    def predict(
        self, slide: SlideReader, context: Context, region: BaseGeometry | None = None
    ) -> Iterator[Prediction]:
        """Yield growing heat maps; the last prediction has the outlines, traced without seams."""
        self.ready(context)
        yield from predict_regions(
            slide,
            context,
            region,
            source=self.parts.windows,
            labels=len(self.labels),
            finest=self.config.finest,
            smallest=self.config.smallest,
        )

    def save(self, folder: Path) -> None:
        """Write ``model.json`` and safetensors into a new folder."""
        write_model(folder, self.state.to_file(), self.parts.network.weights())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model folder; raises DataError(``bad_weights``) with the reason."""
        model = read_model(folder)
        recipe = cls.build(model.labels, model.config)
        recipe.state.take(model)
        weights = read_weights(folder)
        with fitting(f"{folder}", cls.title):
            recipe.parts.network.restore(weights, model.seed)
        return recipe


def pixel_parts(state: ModelState, config: RegionSettings, network: ModelNetwork[nn.Module]) -> RegionParts:
    """Return the parts of a softmax over background and labels, trained on outlined crops."""
    classifier = PixelClassifier(state, WindowNetwork(network))
    return RegionParts(
        network,
        RegionFitting(CropTrainer(state, config, network), config.unlabelled),
        PixelEvaluator(state, config.mpp, classifier),
        PixelWindows(config, classifier),
    )
