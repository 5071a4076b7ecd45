"""Training of a student on labels, and on its agreement with a slow teacher."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ml.contracts import Context
from ml.data.bags import UNKNOWN, Bag
from ml.inference.bag_predictor import bag_tensors
from ml.methods.slides.semimil.info import MeanTeacherConfig
from ml.methods.slides.semimil.network import MeanTeacher
from ml.networks.bags import BagNetwork
from ml.training.bag_trainer import BagTrainer, Batch, LabelLoss
from ml.training.loop import train

RISE = 5.0
Pairs = list[tuple[Bag, Bag]]


@dataclass(frozen=True)
class MeanTeacherTrainer:
    """Trains on labels, and on the agreement of two halves of each slide without a label."""

    trainer: BagTrainer
    loss: LabelLoss
    config: MeanTeacherConfig

    def train(
        self, network: BagNetwork, learned: Sequence[Bag], held: Sequence[Bag], context: Context
    ) -> None:
        """Train on ``learned``, with or without labels, with early stopping on ``held``."""
        config, teacher = self.config, cast("MeanTeacher", network)
        known = [bag for bag in learned if bag.label != UNKNOWN]
        others = [bag for bag in learned if bag.label == UNKNOWN and len(bag) > 1]
        weights = self.trainer.target.importance(known)
        plan = self.trainer.plan(max(len(known), len(others)), learned, context)
        rise = max(1.0, config.ramp * plan.epochs * plan.steps)

        def batches(random: np.random.Generator) -> Iterator[tuple[Batch, Pairs]]:
            mine, theirs = _endless(len(known), random), _endless(len(others), random)
            for _ in range(plan.steps):
                some = [next(mine) for _ in range(min(config.batch, len(known)))]
                drawn = [next(theirs) for _ in range(min(config.batch, len(others)))]
                yield (
                    [(known[i].sample(config.tiles, random), float(weights[i])) for i in some],
                    [_halves(others[i], config.tiles, random) for i in drawn],
                )

        def loss(batch: tuple[Batch, Pairs]) -> Tensor:
            labelled, pairs = batch
            teacher.follow(config.decay)
            value = self.loss.batch_loss(network, labelled)
            if not pairs:
                return value
            share = math.exp(-RISE * (1 - min(1.0, int(teacher.steps) / rise)) ** 2)
            agreement = torch.stack([self._agreement(teacher, *pair) for pair in pairs]).mean()
            return value + float(config.consistency * share) * agreement

        progress = train(
            network,
            batches=batches,
            loss=loss,
            validate=lambda: self.loss.held_loss(network, held),
            plan=plan,
            context=context,
        )
        self.trainer.state.facts |= {"epochs": progress.epoch, "slides without a label": len(others)}

    def _agreement(self, network: MeanTeacher, mine: Bag, theirs: Bag) -> Tensor:
        """Return the distance of the student's prediction on one half from the teacher's on the other."""
        device = self.loss.network.device
        scores = network(*bag_tensors(mine, device)).scores
        target = network.taught(*bag_tensors(theirs, device))
        value = ((torch.softmax(scores, dim=0) - target) ** 2).sum()
        if float(target.max()) >= self.config.sure:
            value = value + functional.cross_entropy(scores[None], target.argmax()[None])
        return value


def _endless(count: int, random: np.random.Generator) -> Iterator[int]:
    """Yield numbers below ``count`` in repeated random orders."""
    while count:
        yield from (int(i) for i in random.permutation(count))


def _halves(bag: Bag, most: int, random: np.random.Generator) -> tuple[Bag, Bag]:
    """Return two disjoint bags."""
    order = random.permutation(len(bag))[: 2 * most]
    middle = len(order) // 2
    return bag.take(np.sort(order[:middle])), bag.take(np.sort(order[middle:]))
