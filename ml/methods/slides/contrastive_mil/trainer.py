"""Training on pairs of subsets of slides, then on labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from torch import Tensor

from ml.contracts import Context
from ml.data.bags import Bag
from ml.inference.bag_predictor import bag_tensors
from ml.methods.slides.contrastive_mil.info import ContrastiveConfig
from ml.methods.slides.contrastive_mil.network import ContrastiveNetwork
from ml.networks.bags import BagNetwork
from ml.networks.model_network import ModelNetwork
from ml.training.bag_trainer import BagTrainer, stage_of
from ml.training.contrast import nt_xent
from ml.training.loop import train

LEAST_TILES = 2
Pairs = list[tuple[Bag, Bag]]


@dataclass(frozen=True)
class ContrastiveTrainer:
    """Contrasts all slides, then trains on the labels: the last layer alone, or everything."""

    trainer: BagTrainer
    network: ModelNetwork[BagNetwork]
    config: ContrastiveConfig

    def train(
        self, network: BagNetwork, learned: Sequence[Bag], held: Sequence[Bag], context: Context
    ) -> None:
        """Contrast ``learned``, with or without labels, then train on those with a label."""
        contrastive = cast("ContrastiveNetwork", network)
        if self.config.contrast_epochs:
            self._contrast(contrastive, learned, stage_of(context, "contrast", (0.0, 0.7)))
        if self.config.then == "probe":
            contrastive.slide.tile.requires_grad_(requires_grad=False)
            contrastive.slide.attention.requires_grad_(requires_grad=False)
        self.trainer.train(network, learned, held, stage_of(context, "labels", (0.7, 1.0)))

    def _contrast(self, network: ContrastiveNetwork, learned: Sequence[Bag], context: Context) -> None:
        config = self.config
        bags = [bag for bag in learned if len(bag) >= LEAST_TILES]
        group = max(2, min(config.slides, len(bags)))
        steps = max(1, len(bags) // group)

        def batches(random: np.random.Generator) -> Iterator[Pairs]:
            order = random.permutation(len(bags))
            for start in range(0, steps * group, group):
                yield [_subsets(bags[i], config.subset, random) for i in order[start : start + group]]

        def loss(pairs: Pairs) -> Tensor:
            device = self.network.device
            views = [
                torch.stack([network.projected(bag_tensors(pair[side], device)[0]) for pair in pairs])
                for side in (0, 1)
            ]
            return nt_xent(views[0], views[1], config.temperature)

        def validate() -> float:
            fixed = np.random.default_rng(context.seed)
            return float(loss([_subsets(bag, config.subset, fixed) for bag in bags[: 4 * group]]))

        if len(bags) < 2:  # noqa: PLR2004 - one slide against another
            return
        plan = replace(
            self.trainer.plan(len(bags), learned, context),
            epochs=config.contrast_epochs,
            steps=steps,
            patience=config.contrast_epochs,
        )
        train(network, batches=batches, loss=loss, validate=validate, plan=plan, context=context)
        self.trainer.state.facts["slides contrasted"] = len(bags)


def _subsets(bag: Bag, most: int, random: np.random.Generator) -> tuple[Bag, Bag]:
    """Return two disjoint bags of at most ``most`` tiles."""
    order = random.permutation(len(bag))
    middle = min(most, len(order) // 2)
    return bag.take(np.sort(order[:middle])), bag.take(np.sort(order[middle : 2 * middle]))
