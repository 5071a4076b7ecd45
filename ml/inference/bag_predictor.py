"""Predictions for bags: scores over the labels, the attention of each tile, and a risk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from torch import Tensor

from ml.contracts import Context, DataError
from ml.data.bags import Bag
from ml.messages import Message
from ml.networks.bags import BagNetwork
from ml.networks.model_network import ModelNetwork
from ml.storage.model_state import ModelState, Weights


@dataclass(frozen=True, slots=True)
class BagPrediction:
    """Prediction for a bag: uncalibrated ``scores`` float64 (k,), ``attention`` float32 (n,), ``risk``."""

    scores: NDArray[np.float64]
    attention: NDArray[np.float32]
    risk: float | None = None


class BagPredictor(Protocol):
    """The fitted part of a recipe for slides, and the arrays that a model folder stores."""

    def judge(self, bag: Bag) -> BagPrediction:
        """Return the prediction for a bag; raises DataError(``not_fitted``)."""
        ...

    def ready(self, context: Context) -> None:
        """Move the model to the device of the context."""
        ...

    def weights(self) -> Weights:
        """Return the learned arrays; raises DataError(``not_fitted``)."""
        ...

    def restore(self, weights: Weights) -> None:
        """Restore the arrays of ``weights``; raises KeyError, ValueError or RuntimeError for other arrays."""
        ...


@dataclass(frozen=True)
class BagNetworkPredictor:
    """Predicts by a network over a bag. ``network`` creates one for a number of features of a tile."""

    state: ModelState
    network: ModelNetwork[BagNetwork]

    def tensors(self, bag: Bag) -> tuple[Tensor, Tensor]:
        """Return features and places of a bag on the network's device."""
        return bag_tensors(bag, self.network.device)

    def judge(self, bag: Bag) -> BagPrediction:
        """Return the prediction for a bag; raises DataError(``not_fitted``) or (``bad_encoder``)."""
        network = self.network.fitted()
        check_width(bag, len(network.mean))
        with torch.inference_mode():
            output = network(*self.tensors(bag))
        return BagPrediction(output.scores.cpu().double().numpy(), output.attention.cpu().float().numpy())

    def ready(self, context: Context) -> None:
        """Move the network to the device of the context."""
        self.network.ready(context)

    def weights(self) -> Weights:
        """Return the learned arrays; raises DataError(``not_fitted``)."""
        return self.network.weights()

    def restore(self, weights: Weights) -> None:
        """Restore saved arrays; raises KeyError, ValueError or RuntimeError for other arrays."""
        self.network.restore(weights, self.state.seed, len(weights["mean"]))


def bag_tensors(bag: Bag, device: str) -> tuple[Tensor, Tensor]:
    """Return features float32 (n, d) and places int64 (n, 2) of a bag on a device."""
    tiles = torch.from_numpy(np.ascontiguousarray(bag.features, dtype=np.float32))
    places = torch.from_numpy(np.ascontiguousarray(bag.places, dtype=np.int64))
    return tiles.to(device), places.to(device)


def check_width(bag: Bag, known: int) -> None:
    """Raise DataError(``bad_encoder``) for a bag of another number of features than ``known``."""
    if bag.features.shape[1] != known:
        message = Message("other_encoder", known=known, given=bag.features.shape[1])
        raise DataError(message, code="bad_encoder")


def bag_probabilities(
    predictor: BagPredictor, bags: Sequence[Bag], temperature: float
) -> NDArray[np.float32]:
    """Return calibrated probabilities (n, k) of bags."""
    scores = np.stack([predictor.judge(bag).scores for bag in bags])
    shares: NDArray[np.float32] = softmax(scores / temperature, axis=1).astype(np.float32)
    return shares
