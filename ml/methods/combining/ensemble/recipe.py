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
from ml.training.logistic import CAUTION, fit_temperature

LEAST = 1e-12


class Ensemble(FeatureRecipe, recipe="ensemble"):
    """Heads that differ in their initial weights and in the weights of the examples."""

    @property
    def members(self) -> int:
        """Return the number of heads."""
        return int(self.config.members)

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
