"""Semi-supervised training on labelled and unlabelled slides."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ml.contracts import Context
from ml.data.bags import UNKNOWN, Bag
from ml.methods.bases.bag_network_recipe import Batch, NetworkBagRecipe
from ml.methods.slides.semimil.info import INFO, MeanTeacherConfig
from ml.methods.slides.semimil.network import MeanTeacher
from ml.networks.bags import BagNetwork
from ml.training.loop import train

RISE = 5.0
Pairs = list[tuple[Bag, Bag]]


class MeanTeacherBags(NetworkBagRecipe[MeanTeacherConfig]):
    """Mean teacher on bags: two halves of a slide must agree, with or without a label.

    Tarvainen and Valpola, NeurIPS (2017); pseudo-labels where the teacher is sure: Sohn et al., FixMatch,
    NeurIPS (2020).
    """

    info = INFO

    uses_unlabelled = True

    def _new_network(self, size: int) -> BagNetwork:
        return MeanTeacher(size, len(self.labels), self.config.width, self.config.dropout)

    def _fit(
        self, network: BagNetwork, learned: Sequence[Bag], held: Sequence[Bag], context: Context
    ) -> None:
        config, teacher = self.config, cast("MeanTeacher", network)
        known = [bag for bag in learned if bag.label != UNKNOWN]
        others = [bag for bag in learned if bag.label == UNKNOWN and len(bag) > 1]
        weights = self._importance(known)
        plan = self._plan(max(len(known), len(others)), learned, context)
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
            losses = torch.stack([weight * self._loss(network, bag) for bag, weight in labelled])
            value = losses.sum() / sum(weight for _, weight in labelled)
            if not pairs:
                return value
            share = math.exp(-RISE * (1 - min(1.0, int(teacher.steps) / rise)) ** 2)
            agreement = torch.stack([self._agreement(teacher, *pair) for pair in pairs]).mean()
            return value + float(config.consistency * share) * agreement

        def validate() -> float:
            return self._held_loss(network, held)

        progress = train(network, batches=batches, loss=loss, validate=validate, plan=plan, context=context)
        self.facts |= {"epochs": progress.epoch, "slides without a label": len(others)}

    def _agreement(self, network: MeanTeacher, mine: Bag, theirs: Bag) -> Tensor:
        """Return the distance of the student's prediction on one half from the teacher's on the other."""
        scores = network(*self.tensors(mine)).scores
        target = network.taught(*self.tensors(theirs))
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
