"""Predictions from tiles and clinical fields together, and from each of them alone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final, cast

import torch
from torch import Tensor

from ml.contracts import Context
from ml.data.bags import Bag
from ml.data.clinical import encode_case, width_of
from ml.inference.bag_predictor import BagPrediction, bag_tensors, check_width
from ml.methods.slides.fusion.info import FusionConfig
from ml.methods.slides.fusion.network import FusionNetwork
from ml.networks.bags import BagNetwork
from ml.networks.model_network import ModelNetwork
from ml.storage.model_state import ModelState, Weights
from ml.training.hazards import log_risk

ALONE: Final = ("image", "clinical")
FUSED: Final = "fused"
FIELDS, EDGES, CENTRE = "clinical fields", "interval edges", "mean risk"


class InputPredictor:
    """A network over tiles and clinical fields; ``how`` names their fusion, or the input that it uses."""

    def __init__(self, state: ModelState, config: FusionConfig, how: str) -> None:
        self._state, self._config = state, config
        self.network: ModelNetwork[BagNetwork] = ModelNetwork(partial(self._new_network, how))

    def case(self, bag: Bag) -> Tensor:
        """Return the encoded clinical fields of a bag, on the network's device."""
        return torch.from_numpy(encode_case(bag.clinical, self._state.facts[FIELDS])).to(self.network.device)

    def judge(self, bag: Bag) -> BagPrediction:
        """Return the prediction for a bag: a label, or the risk of its patient."""
        network = self.network.fitted()
        check_width(bag, len(network.mean))
        with torch.inference_mode():
            output = network(*bag_tensors(bag, self.network.device), self.case(bag))
        count = len(self._state.labels)
        scores = output.scores[:count].cpu().double().numpy()
        risk = None
        if self._config.answer != "label":
            risk = float(log_risk(output.scores[None, count:], self._config.answer))
            risk -= float(self._state.facts.get(CENTRE, 0.0))
        return BagPrediction(scores, output.attention.cpu().float().numpy(), risk)

    def ready(self, context: Context) -> None:
        """Move the network to the device of the context."""
        self.network.ready(context)

    def weights(self) -> Weights:
        """Return the learned arrays; raises DataError(``not_fitted``)."""
        return self.network.weights()

    def restore(self, weights: Weights) -> None:
        """Restore saved arrays; raises KeyError, ValueError or RuntimeError for other arrays."""
        self.network.restore(weights, self._state.seed, len(weights["mean"]))

    def _new_network(self, how: str, size: int) -> BagNetwork:
        fields, config = self._state.facts[FIELDS], self._config
        more = {"label": 0, "cox": 1}.get(config.answer, len(self._state.facts.get(EDGES, ())) + 1)
        nothing = torch.from_numpy(encode_case({}, fields))
        outputs = len(self._state.labels) + more
        network = FusionNetwork(
            size, outputs, width=config.width, dropout=config.dropout, how=how, nothing=nothing
        )
        if len(nothing) != width_of(fields):
            message = "the clinical fields do not fit"
            raise ValueError(message)
        return cast("BagNetwork", network)


class FusionPredictor:
    """Predicts by both inputs; holds the networks of each input alone, where they were learned."""

    def __init__(self, state: ModelState, config: FusionConfig) -> None:
        self.fused = InputPredictor(state, config, config.how)
        self.alone = {name: InputPredictor(state, config, name) for name in ALONE}

    def learned_alone(self) -> Mapping[str, InputPredictor]:
        """Return the predictors of one input that are fitted, by the name of the input."""
        return {name: each for name, each in self.alone.items() if each.network.current is not None}

    def judge(self, bag: Bag) -> BagPrediction:
        """Return the prediction for a bag by both inputs."""
        return self.fused.judge(bag)

    def ready(self, context: Context) -> None:
        """Move all networks to the device of the context."""
        for predictor in (self.fused, *self.alone.values()):
            predictor.ready(context)

    def weights(self) -> Weights:
        """Return the learned arrays of all networks; raises DataError(``not_fitted``)."""
        named = {FUSED: self.fused, **self.learned_alone()}
        return {
            f"{name}.{key}": value
            for name, predictor in named.items()
            for key, value in predictor.weights().items()
        }

    def restore(self, weights: Weights) -> None:
        """Restore saved arrays; raises KeyError, ValueError or RuntimeError for other arrays."""
        self.fused.restore(_below(weights, f"{FUSED}."))
        for name, predictor in self.alone.items():
            mine = _below(weights, f"{name}.")
            if mine:
                predictor.restore(mine)


def _below(weights: Weights, prefix: str) -> Weights:
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
