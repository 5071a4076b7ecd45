"""A deep ensemble of heads over stored features: mean predictions, with disagreement as uncertainty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from ml.contracts import Context, Dataset
from ml.data.training_table import class_balance
from ml.features.patch_sampler import PatchSampler
from ml.inference.averaging import Spread, spread_of
from ml.inference.patch_predictions import PatchPredictions
from ml.messages import Message
from ml.methods.bases.encoded_heads import EncodedHeads
from ml.methods.bases.patch_recipe import PatchParts, PatchRecipe
from ml.methods.combining.ensemble.info import INFO, EnsembleConfig
from ml.slides.grid import GridSettings
from ml.storage.model_state import Weights
from ml.training.heads_trainer import HeadsTrainer
from ml.training.logistic import CAUTION, fit_temperature

LEAST = 1e-12


class Ensemble(PatchRecipe[EnsembleConfig]):
    """Heads that differ in their initial weights and in the weights of the examples."""

    info = INFO

    def compose(self) -> PatchParts:
        """Return several heads over stored features, trained side by side."""
        config, state = self.config, self.state
        heads = EncodedHeads(state, config, config.members, 0.0)
        predictor = EnsemblePredictor(heads, config.uncertainty)
        sampler = PatchSampler(state, heads.reader, self._grid)
        fitting = EnsembleFitting(predictor, sampler, HeadsTrainer(state, config, config.members, 0.0))
        return PatchParts(self._grid, heads.reader, sampler, predictor, fitting)

    def _grid(self) -> GridSettings:
        return self.config


@dataclass(frozen=True)
class EnsemblePredictor:
    """The mean of the heads' probabilities; ``uncertainty`` is the kind of their disagreement."""

    heads: EncodedHeads
    uncertainty: str

    def spread(self, rows: NDArray[Any]) -> Spread:
        """Return mean and disagreement of the heads for features (n, size)."""
        return spread_of(softmax(self.heads.scores(rows) / self.heads.state.temperature, axis=2))

    def judge(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Return probabilities (n, k) for features (n, size)."""
        return self.spread(rows).mean

    def judge_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return probabilities of pixels, from newly computed features."""
        return self.judge(self.heads.encode(pixels))

    def predictions(self, indices: NDArray[np.intp], rows: NDArray[Any]) -> PatchPredictions:
        """Return the predictions for some patches, with the uncertainty of the settings."""
        predicted = self.spread(rows)
        reported = np.ones(len(indices), dtype=bool)
        return PatchPredictions(indices, predicted.mean, predicted.uncertainty(self.uncertainty), reported)

    def ready(self, context: Context) -> None:
        """Move the encoder to the device of the context."""
        self.heads.ready(context)

    def weights(self) -> Weights:
        """Return the arrays of encoder and heads."""
        return self.heads.weights()

    def restore(self, weights: Weights) -> None:
        """Restore saved arrays."""
        self.heads.restore(weights)


@dataclass(frozen=True)
class EnsembleFitting:
    """Trains all heads side by side; calibrates their mean on the held-out part."""

    predictor: EnsemblePredictor
    sampler: PatchSampler
    trainer: HeadsTrainer

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train on the part ``train``, calibrate on ``validation``."""
        heads = self.predictor.heads
        state = heads.state
        learned, held = heads.open(self.sampler, dataset, context)
        heads.current = self.trainer.train(learned, held, context)
        state.temperature = 1.0
        mean = np.log(np.maximum(self.predictor.judge(held.rows), LEAST))
        state.temperature = fit_temperature(mean, held.targets, class_balance(held), CAUTION)
        state.facts |= {"patches": len(learned.rows)}
        context.report(1.0, Message("learned"))
