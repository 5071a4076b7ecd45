"""Online mutual knowledge transfer: two kinds of network teach each other and predict by fused features.

After the abstracts of MF-OMKT (Artificial Intelligence in Medicine, 2022) and EFML (Biomedical Signal
Processing and Control, 2023); the weights of the terms are our reconstruction.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ml.contracts import Context
from ml.data.variation.patches import Augmentation
from ml.methods.bases.network_recipe import NetworkRecipe, soft_cross_entropy
from ml.methods.bases.patch_recipe import TrainingTable
from ml.methods.combining.omkt.info import INFO, TransferPairConfig
from ml.networks.mutual import FusedPair, divergence
from ml.training.loop import TrainingPlan


class MutualTransfer(NetworkRecipe[TransferPairConfig]):
    """Supervision of all four scores by labels and, after a warm-up, by each other."""

    info = INFO

    _warm = 0

    def new_network(self) -> nn.Module:
        """Return a new pair."""
        return FusedPair(self.config.encoder, self.config.second, len(self.classes), self.depth)

    def augmentation(self) -> Augmentation:
        """Return the augmentation of training patches."""
        return Augmentation(stain=self.config.stain)

    def plan(self, learned: TrainingTable, context: Context) -> TrainingPlan:
        """Return the shared plan; stores the number of steps before mutual learning starts."""
        plan = super().plan(learned, context)
        self._warm = self.config.warm_up * plan.steps
        return plan

    def loss(self, network: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Return cross-entropy of the four scores, and their divergence from each other."""
        pixels, targets, weights = batch
        pair: Any = network
        scores = pair.each(pixels)
        answers = (scores.first, scores.second, scores.fused, scores.joined)
        total = torch.stack([soft_cross_entropy(each, targets, weights) for each in answers]).sum()
        pair.seen += 1
        if int(pair.seen) <= self._warm:
            return total
        heat = self.config.heat
        mutual = divergence(scores.first, scores.second, heat) + divergence(scores.second, scores.first, heat)
        joint = (
            divergence(scores.first, scores.joined, heat)
            + divergence(scores.second, scores.joined, heat)
            + divergence(scores.fused, scores.joined, heat)
            + divergence(scores.joined, scores.fused, heat)
        )
        taught: Tensor = self.config.alpha * mutual.mean() + self.config.beta * joint.mean()
        return total + taught
