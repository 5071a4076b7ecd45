"""Hand-made descriptors under kernel logistic regression, for quick iterations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Context, DataError, Dataset, SlideReader
from ml.data.squares import Squares, squares_of
from ml.data.training_table import TrainingTable
from ml.features.descriptors import DescriptorEncoder
from ml.features.patch_grids import tissue_grid
from ml.features.patch_sampler import PatchSampler, check_classes, take_classes
from ml.features.store import feature_store
from ml.inference.feature_reader import FeatureReader
from ml.inference.patch_predictions import PatchPredictions, predictions_of
from ml.messages import Message
from ml.methods.bases.patch_recipe import PatchParts, PatchRecipe
from ml.methods.patches.descriptors.info import INFO, DescriptorsConfig
from ml.slides.grid import GridSettings
from ml.storage.model_state import ModelState, Weights
from ml.training.kernel import KernelHead, fit_head
from ml.training.logistic import probabilities

# Beyond this many per class more patches of large outlines cost time and teach little.
MOST_PER_CLASS = 1500


class Descriptors(PatchRecipe[DescriptorsConfig]):
    """Colour, texture and nuclei descriptors, classified by logistic regression."""

    info = INFO

    def compose(self) -> PatchParts:
        """Return a kernel classifier of stored descriptors."""
        config, state = self.config, self.state
        descriptors = FixedEncoder(DescriptorEncoder(config.patch))
        reader = FeatureReader(config, descriptors, share=0.9, image_share=1.0)
        sampler = PatchSampler(state, reader, self._grid)
        predictor = KernelPredictor(state, descriptors.current)
        fitting = KernelFitting(predictor, sampler, config)
        return PatchParts(self._grid, reader, sampler, predictor, fitting)

    @property
    def encoder(self) -> DescriptorEncoder:
        """Return the encoder of hand-made descriptors."""
        return DescriptorEncoder(self.config.patch)

    def describe(self, reader: SlideReader, content: str, context: Context) -> int:
        """Compute and store the features of all tissue patches of a slide; return their number."""
        squares = self.tissue_squares(reader, content, context)
        if len(squares):
            self.rows_of(reader, content, squares, context)
        return len(squares)

    def tissue_squares(self, reader: SlideReader, content: str, context: Context) -> Squares:
        """Return all patches of a slide with tissue."""
        feature_store(context).remember(reader.path, content)
        return squares_of(tissue_grid(reader, self.config, context, None))

    def _grid(self) -> GridSettings:
        return self.config


@dataclass(frozen=True)
class FixedEncoder:
    """An encoder that neither settings nor training change."""

    current: DescriptorEncoder


class KernelPredictor:
    """A kernel head over descriptors, with a temperature."""

    def __init__(self, state: ModelState, encoder: DescriptorEncoder) -> None:
        self.state, self._encoder = state, encoder
        self.head: KernelHead | None = None

    def judge(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Return calibrated probabilities (n, k) for (n, 243) features."""
        return probabilities(self._fitted().scores(rows.astype(np.float64)), self.state.temperature)

    def judge_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return calibrated probabilities of pixels, from newly computed descriptors."""
        return self.judge(self._encoder.encode(pixels))

    def predictions(self, indices: NDArray[np.intp], rows: NDArray[Any]) -> PatchPredictions:
        """Return the predictions for some patches, with their entropy as uncertainty."""
        return predictions_of(indices, self.judge(rows))

    def ready(self, context: Context) -> None:
        """Move nothing: descriptors and their head stay on the CPU."""

    def weights(self) -> Weights:
        """Return the arrays of the head; raises DataError(``not_fitted``)."""
        return self._fitted().arrays()

    def restore(self, weights: Weights) -> None:
        """Restore saved arrays; raises KeyError, ValueError or RuntimeError for other arrays."""
        self.head = KernelHead.from_arrays(weights)
        self.head.check(self._encoder.size, len(self.state.classes))

    def _fitted(self) -> KernelHead:
        if self.head is None:
            raise DataError(Message("not_fitted"))
        return self.head


@dataclass(frozen=True)
class KernelFitting:
    """Fits the head to the stored features of the labelled patches."""

    predictor: KernelPredictor
    sampler: PatchSampler
    config: DescriptorsConfig

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train on the parts ``train`` and ``validation``; computes missing features."""
        state = self.predictor.state
        take_classes(state, dataset, context)
        known = _thinned(self.sampler.gather(dataset, context, ("train", "validation")), context.seed)
        check_classes(known)
        context.report(0.9, Message("learning_from_patches", count=len(known.rows)))
        self.predictor.head, state.temperature = fit_head(
            known.rows.astype(np.float64),
            known.targets,
            known.weights,
            known.units,
            penalty=self.config.penalty,
            kernel=self.config.kernel,
            seed=context.seed,
        )
        state.facts = {"patches": len(known.rows)}
        context.report(1.0, Message("learned"))


def _thinned(known: TrainingTable, seed: int) -> TrainingTable:
    """Return at most ``MOST_PER_CLASS`` items of each class."""
    random = np.random.default_rng(seed)
    kept = []
    leading = known.targets.argmax(axis=1)
    for number in range(known.targets.shape[1]):
        members = np.flatnonzero(leading == number)
        kept.append(np.sort(random.permutation(members)[:MOST_PER_CLASS]))
    return known.take(np.sort(np.concatenate(kept)))
