"""Calibration of a model of slides: its temperature, and the uncertainty from which it refers a slide."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.data.bags import UNKNOWN, Bag, class_weights, labels_of
from ml.inference.bag_predictor import BagPredictor
from ml.inference.entropy import entropy_share
from ml.storage.model_state import ModelState
from ml.training.logistic import fit_temperature, probabilities

FEW: Final = 30
REFER: Final = "uncertainty from which a person decides"


@dataclass(frozen=True)
class BagCalibrator:
    """Fits temperature and referral threshold to held-out bags."""

    state: ModelState
    predictor: BagPredictor

    def calibrate(self, held: Sequence[Bag]) -> None:
        """Store temperature and threshold in the state of the model."""
        state = self.state
        known = [bag for bag in held if bag.label != UNKNOWN]
        scores = np.stack([self.predictor.judge(bag).scores for bag in known])
        truth = labels_of(known)
        weights = class_weights(truth, len(state.labels))
        fitted = fit_temperature(scores, np.eye(len(state.labels))[truth], weights)
        # A few slides that happen to be told apart are no reason to be surer than the network is.
        state.temperature = fitted if len(known) >= FEW else max(1.0, fitted)
        probability = probabilities(scores, state.temperature)
        wrong = probability.argmax(axis=1) != truth
        state.facts[REFER] = refer_threshold(entropy_share(probability), wrong)


def refer_threshold(uncertainty: NDArray[np.float32], wrong: NDArray[np.bool_]) -> float | None:
    """Return the uncertainty from which slides are referred to a person, None where all or none are wrong.

    The one with the greatest Youden index for telling wrong slides from right ones. Dolezal et al., Nature
    Communications 13:6572 (2022).
    """
    if not wrong.any() or wrong.all():
        return None
    candidates = np.unique(uncertainty)
    index = [(uncertainty[wrong] >= t).mean() - (uncertainty[~wrong] >= t).mean() for t in candidates]
    best = int(np.argmax(index))
    return float(candidates[best]) if index[best] > 0 and math.isfinite(candidates[best]) else None
