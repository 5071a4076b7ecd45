"""Online mutual knowledge transfer: two kinds of network teach each other, their fused features answer.

After the abstracts of MF-OMKT (Artificial Intelligence in Medicine, 2022) and EFML (Biomedical Signal
Processing and Control, 2023); the weights of the terms are our reconstruction.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ml.contracts import Context
from ml.data.augmentation import Variation
from ml.networks.mutual import FusedPair, divergence
from ml.recipes.networked import NetworkRecipe, soft_cross_entropy
from ml.recipes.patching import Learnable
from ml.training.loop import TrainingPlan


class MutualTransfer(NetworkRecipe, recipe="omkt"):
    """Labels teach all four answers; after a warm-up the answers teach each other."""

    _warm = 0

    def new_network(self) -> nn.Module:
        """Return a fresh pair."""
        return FusedPair(self.config.encoder, self.config.second, len(self.classes), self.depth)

    def variation(self) -> Variation:
        """Return how training patches are varied."""
        return Variation(stain=self.config.stain)

    def plan(self, learned: Learnable, context: Context) -> TrainingPlan:
        """Return the shared plan; notes after how many steps teaching starts."""
        plan = super().plan(learned, context)
        self._warm = self.config.warm_up * plan.steps
        return plan

    def loss(self, network: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Return cross-entropy of the four answers, and how far they are from what they should learn."""
        pixels, targets, weights = batch
        pair: Any = network
        found = pair.each(pixels)
        answers = (found.first, found.second, found.fused, found.joined)
        total = torch.stack([soft_cross_entropy(scores, targets, weights) for scores in answers]).sum()
        pair.seen += 1
        if int(pair.seen) <= self._warm:
            return total
        heat = self.config.heat
        mutual = divergence(found.first, found.second, heat) + divergence(found.second, found.first, heat)
        joint = (
            divergence(found.first, found.joined, heat)
            + divergence(found.second, found.joined, heat)
            + divergence(found.fused, found.joined, heat)
            + divergence(found.joined, found.fused, heat)
        )
        taught: Tensor = self.config.alpha * mutual.mean() + self.config.beta * joint.mean()
        return total + taught
