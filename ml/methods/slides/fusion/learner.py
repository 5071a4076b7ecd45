"""Learning from tiles and clinical fields: labels, or survival with censored follow-up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ml.contracts import Context, DataError, LabelledSlide, Survival
from ml.data.bags import UNKNOWN, Bag
from ml.inference.bag_predictor import bag_tensors
from ml.messages import Message
from ml.methods.slides.fusion.info import FusionConfig
from ml.methods.slides.fusion.network import FusionNetwork
from ml.methods.slides.fusion.predictor import CENTRE, EDGES, FUSED, FusionPredictor, InputPredictor
from ml.networks.bags import BagNetwork
from ml.storage.model_state import ModelState
from ml.training.bag_target import BagTarget
from ml.training.bag_trainer import BagTrainer, Batch, NetworkLearner, stage_of
from ml.training.hazards import cox_loss, hazard_loss

# Where a survival head is asked for, labels that happen to be there help to see, but do not lead.
BESIDE: Final = 0.3
LEAST_EVENTS, LEAST_FOLLOWED = 2, 4


class SurvivalTarget:
    """The follow-up of a slide's patient."""

    def is_stated(self, slide: LabelledSlide) -> bool:
        """Return whether a slide has follow-up."""
        return slide.survival is not None

    def counts(self, bag: Bag) -> bool:
        """Return whether a bag has follow-up."""
        return bag.survival is not None

    def importance(self, known: Sequence[Bag]) -> NDArray[np.float64]:
        """Return the same weight (n,) for each bag."""
        return np.ones(len(known))

    def check(self, bags: Sequence[Bag]) -> None:
        """Raise DataError(``no_follow_up``) for too few patients or events."""
        followed = [bag.survival for bag in bags if bag.survival is not None]
        events = sum(item.event for item in followed)
        if events < LEAST_EVENTS or len(followed) < LEAST_FOLLOWED:
            message = Message("too_few_followed", count=len(followed), events=events)
            raise DataError(message, code="no_follow_up")

    def tells_apart(self, bags: Sequence[Bag]) -> bool:
        """Return whether at least two patients were followed, one to an event."""
        followed = [bag.survival for bag in bags if bag.survival is not None]
        return len(followed) > 1 and any(item.event for item in followed)


@dataclass(frozen=True)
class FusionLoss:
    """Losses of the outputs of one network: its label, and the follow-up where it answers survival."""

    state: ModelState
    config: FusionConfig
    target: BagTarget
    predictor: InputPredictor

    def batch_loss(self, network: BagNetwork, batch: Batch) -> Tensor:
        """Return the loss of a batch; clinical fields are dropped at random, as they may be missing."""
        device, outputs = self.predictor.network.device, []
        for bag, _ in batch:
            known = bool(torch.rand(()) >= self.config.forget)
            case = self.predictor.case(bag) if known else None
            outputs.append(cast("FusionNetwork", network).parts(bag_tensors(bag, device)[0], case)[0])
        bags = [bag for bag, _ in batch]
        weights = torch.tensor([weight for _, weight in batch], device=device)
        kinds = zip(*outputs, strict=True)
        return torch.stack([self._output_loss(torch.stack(kind), bags, weights) for kind in kinds]).sum()

    def held_loss(self, network: BagNetwork, held: Sequence[Bag]) -> float:
        """Return the loss of held-out bags, by which training stops."""
        device = self.predictor.network.device
        bags = [bag for bag in held if self.target.counts(bag)]
        outputs = torch.stack(
            [network(*bag_tensors(bag, device), self.predictor.case(bag)).scores for bag in bags]
        )
        weights = torch.from_numpy(self.target.importance(bags)).float().to(device)
        return float(self._output_loss(outputs, bags, weights))

    def _output_loss(self, outputs: Tensor, bags: Sequence[Bag], weights: Tensor) -> Tensor:
        """Return the loss of outputs (n, labels + survival)."""
        device, count = self.predictor.network.device, len(self.state.labels)
        truth = torch.tensor([bag.label for bag in bags], device=device)
        known = truth != UNKNOWN
        value = outputs.sum() * 0
        if count > 1 and known.any():
            losses = functional.cross_entropy(outputs[known, :count], truth[known], reduction="none")
            value = (losses * weights[known]).sum() / weights[known].sum()
        if self.config.answer == "label":
            return value
        followed = [cast("Survival", bag.survival) for bag in bags]
        months = torch.tensor([item.months for item in followed], device=device)
        event = torch.tensor([item.event for item in followed], device=device)
        if self.config.answer == "cox":
            return BESIDE * value + cox_loss(outputs[:, count], months, event)
        edges = torch.tensor(self.state.facts[EDGES], device=device)
        interval = torch.bucketize(months, edges)
        return BESIDE * value + hazard_loss(outputs[:, count:], interval, event)


@dataclass(frozen=True)
class FusionLearner:
    """Trains the network of both inputs and, with ``compare``, one for each input alone."""

    state: ModelState
    config: FusionConfig
    target: BagTarget
    predictor: FusionPredictor

    def learn(self, learned: Sequence[Bag], held: Sequence[Bag], context: Context) -> None:
        """Train all networks; store the mean risk of the training patients."""
        whole = 0.6 if self.config.compare else 1.0
        self._learn(self.predictor.fused, learned, held, stage_of(context, FUSED, (0.0, whole)))
        if self.config.compare:
            for number, (name, predictor) in enumerate(self.predictor.alone.items()):
                share = (0.6 + 0.2 * number, 0.8 + 0.2 * number)
                self._learn(predictor, learned, held, stage_of(context, name, share))
        facts = self.state.facts
        facts[CENTRE] = 0.0
        if self.config.answer != "label":
            risks = [self.predictor.judge(bag).risk for bag in learned if bag.survival is not None]
            facts[CENTRE] = float(np.mean([risk for risk in risks if risk is not None]))

    def _learn(
        self, predictor: InputPredictor, learned: Sequence[Bag], held: Sequence[Bag], context: Context
    ) -> None:
        loss = FusionLoss(self.state, self.config, self.target, predictor)
        trainer = BagTrainer(self.state, self.config, self.target, loss)
        NetworkLearner(predictor.network, trainer).learn(learned, held, context)
