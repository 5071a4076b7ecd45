"""Soft voting: the weighted mean of several models' probabilities, with weights from the held-out part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import softmax

from ml.contracts import Context, DataError, Dataset
from ml.data.training_table import TrainingTable, class_balance
from ml.features.patch_sampler import PatchSampler, take_classes
from ml.inference.patch_predictions import PatchPredictions, predictions_of
from ml.messages import Message
from ml.methods.bases.members import LEAST, MemberReader, Members, refuse_pixels
from ml.methods.bases.patch_recipe import PatchParts, PatchRecipe
from ml.methods.combining.voting.info import INFO, VotingConfig
from ml.slides.grid import GridSettings
from ml.storage.model_state import Weights
from ml.training.logistic import CAUTION, fit_temperature, probabilities

# Keeps weights near equal where the held-out part says little.
PULL = 0.05


class Voting(PatchRecipe[VotingConfig]):
    """Members trained here or earlier, combined by their weighted probabilities."""

    info = INFO
    combines = True

    @classmethod
    def build(cls, labels: Sequence[str], config: Mapping[str, Any]) -> Self:
        """Return an unfitted recipe; raises DataError(``bad_config``) for unknown members."""
        recipe = super().build(labels, config)
        recipe.members.check()
        return recipe

    def compose(self) -> PatchParts:
        """Return the members and the weighted mean of their probabilities."""
        self.members = Members(self.state, self.config)
        reader, predictor = MemberReader(self.members), VotingPredictor(self.members)
        sampler = PatchSampler(self.state, reader, self._grid)
        fitting = VotingFitting(predictor, sampler, weigh=self.config.weights == "held-out")
        return PatchParts(self._grid, reader, sampler, predictor, fitting, nested=self.members)

    def _grid(self) -> GridSettings:
        return self.config


class VotingPredictor:
    """The mean of the members' probabilities by their ``shares``, with a temperature."""

    def __init__(self, members: Members) -> None:
        self.members = members
        self.shares: NDArray[np.float64] = np.zeros(0)

    def mean(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Return the weighted mean (n, k) of the members' probabilities (n, members, k)."""
        mean: NDArray[np.float64] = np.einsum("nmk,m->nk", rows, self.shares)
        return mean

    def judge(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Return calibrated probabilities (n, k) for those of the members (n, members, k)."""
        return probabilities(np.log(np.maximum(self.mean(rows), LEAST)), self.members.state.temperature)

    def judge_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Raise DataError(``cannot_wrap``)."""
        refuse_pixels(self.members.state, pixels)

    def predictions(self, indices: NDArray[np.intp], rows: NDArray[Any]) -> PatchPredictions:
        """Return the predictions for some patches, with their entropy as uncertainty."""
        return predictions_of(indices, self.judge(rows))

    def ready(self, context: Context) -> None:
        """Move all members to the device of the context."""
        self.members.ready(context)

    def weights(self) -> Weights:
        """Return the shares; raises DataError(``not_fitted``)."""
        if not self.members.current:
            raise DataError(Message("not_fitted"))
        return {"shares": self.shares}

    def restore(self, weights: Weights) -> None:
        """Restore saved arrays."""
        self.shares = weights["shares"].astype(np.float64)


@dataclass(frozen=True)
class VotingFitting:
    """Trains or opens the members; weighs and calibrates them on the validation part, if there is one."""

    predictor: VotingPredictor
    sampler: PatchSampler
    weigh: bool

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train on the part ``train``, weigh and calibrate on ``validation``."""
        predictor, members = self.predictor, self.predictor.members
        state = members.state
        take_classes(state, dataset, context)
        members.current = members.train(dataset, context, 0.0, 0.95)
        state.background = members.current[0].background
        predictor.shares = np.full(len(members.current), 1 / len(members.current))
        try:
            held = self.sampler.gather(dataset, context, ("validation",))
        except DataError as error:
            if error.code != "no_labels":
                raise
            held = None
        if held is not None:
            if self.weigh:
                predictor.shares = _weigh(held)
            mean = np.log(np.maximum(predictor.mean(held.rows), LEAST))
            state.temperature = fit_temperature(mean, held.targets, class_balance(held), CAUTION)
        state.facts = {"weights": [round(float(share), 6) for share in predictor.shares]}
        context.report(1.0, Message("learned"))


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
