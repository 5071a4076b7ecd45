"""Soft voting: the weighted mean of several models' probabilities, with weights from the held-out part."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import softmax

from ml.contracts import Context, DataError, Dataset
from ml.messages import Message
from ml.methods.bases.member_recipe import LEAST, MemberRecipe
from ml.methods.bases.network_recipe import class_balance
from ml.methods.bases.patch_recipe import TrainingTable, Weights
from ml.methods.combining.voting.info import INFO, VotingConfig
from ml.training.logistic import CAUTION, fit_temperature, probabilities

# Keeps weights near equal where the held-out part says little.
PULL = 0.05


class Voting(MemberRecipe[VotingConfig]):
    """Members trained here or earlier, combined by their weighted probabilities."""

    info = INFO

    _shares: NDArray[np.float64] = np.zeros(0)

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train or open the members; weigh and calibrate them on the validation part, if there is one."""
        self._prepare(dataset, context)
        self.members = self.train_members(dataset, context, 0.0, 0.95)
        self.background = self.members[0].background
        self._shares = np.full(len(self.members), 1 / len(self.members))
        try:
            held = self.gather(dataset, context, ("validation",))
        except DataError as error:
            if error.code != "no_labels":
                raise
            held = None
        if held is not None:
            if self.config.weights == "held-out":
                self._shares = _weigh(held)
            mean = np.log(np.maximum(self._mean(held.rows), LEAST))
            self.temperature = fit_temperature(mean, held.targets, class_balance(held), CAUTION)
        self.facts = {"weights": [round(float(share), 6) for share in self._shares]}
        context.report(1.0, Message("learned"))

    def judge(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Return calibrated probabilities (n, k) for those of the members (n, members, k)."""
        return probabilities(np.log(np.maximum(self._mean(rows), LEAST)), self.temperature)

    def _mean(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        mean: NDArray[np.float64] = np.einsum("nmk,m->nk", rows, self._shares)
        return mean

    def _weights(self) -> Weights:
        if not self.members:
            raise DataError(Message("not_fitted"))
        return {"shares": self._shares}

    def restore(self, weights: Weights) -> None:
        """Restore saved arrays."""
        self._shares = weights["shares"].astype(np.float64)


def _weigh(held: TrainingTable) -> NDArray[np.float64]:
    """Return weights that sum to one and minimise the cross-entropy of the mean."""
    balance = class_balance(held)

    def loss(free: NDArray[np.float64]) -> float:
        mean = np.einsum("nmk,m->nk", held.rows, softmax(free))
        entropy = -(held.targets * np.log(np.maximum(mean, LEAST))).sum(axis=1)
        return float((entropy * balance).sum() / balance.sum() + PULL * (free**2).mean())

    fitted = minimize(loss, np.zeros(held.rows.shape[1]), method="L-BFGS-B")
    shares: NDArray[np.float64] = softmax(fitted.x)
    return shares
