"""A deep ensemble of heads over stored features: mean predictions, with disagreement as uncertainty."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from ml.contracts import Context, Dataset
from ml.inference.averaging import Spread, spread_of
from ml.messages import Message
from ml.methods.bases.feature_recipe import FeatureRecipe
from ml.methods.bases.network_recipe import class_balance
from ml.methods.bases.patch_recipe import PatchPredictions
from ml.methods.combining.ensemble.info import INFO, EnsembleConfig
from ml.training.logistic import CAUTION, fit_temperature

LEAST = 1e-12


class Ensemble(FeatureRecipe[EnsembleConfig]):
    """Heads that differ in their initial weights and in the weights of the examples."""

    info = INFO

    @property
    def members(self) -> int:
        """Return the number of heads."""
        return self.config.members

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train all heads side by side; calibrate their mean on the held-out part."""
        self.open(dataset, context)
        learned, held = self.material(dataset, context)
        self._heads = self.train_heads(learned, held, context)
        self.temperature = 1.0
        mean = np.log(np.maximum(self.spread(held.rows).mean, LEAST))
        self.temperature = fit_temperature(mean, held.targets, class_balance(held), CAUTION)
        self.facts |= {"patches": len(learned.rows)}
        context.report(1.0, Message("learned"))

    def spread(self, rows: NDArray[Any]) -> Spread:
        """Return mean and disagreement of the heads."""
        return spread_of(softmax(self.scores(rows) / self.temperature, axis=2))

    def judged(self, indices: NDArray[np.intp], rows: NDArray[Any]) -> PatchPredictions:
        """Return the predictions for some patches, with the uncertainty of the settings."""
        predicted = self.spread(rows)
        reported = np.ones(len(indices), dtype=bool)
        return PatchPredictions(
            indices, predicted.mean, predicted.uncertainty(self.config.uncertainty), reported
        )
