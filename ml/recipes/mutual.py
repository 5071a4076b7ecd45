"""Deep mutual learning: networks trained together, each also taught by what the others say."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ml.data.augmentation import Variation
from ml.networks.mutual import Peers, divergence
from ml.recipes.networked import NetworkRecipe, soft_cross_entropy


class Mutual(NetworkRecipe, recipe="mutual"):
    """Zhang et al., CVPR (2018)."""

    def new_network(self) -> nn.Module:
        """Return fresh peers; every other one has the second encoder."""
        config = self.config
        second = config.encoder if config.second == "same" else config.second
        names = [second if number % 2 else config.encoder for number in range(config.members)]
        return Peers(names, len(self.classes), config.answer, self.depth)

    def answer_by(self, answer: str) -> None:
        """Let the ``mean`` of all members judge from now on, or the ``first`` alone."""
        network: Any = self.fitted()
        network.answer = answer

    def variation(self) -> Variation:
        """Return how training patches are varied."""
        return Variation(stain=self.config.stain)

    def loss(self, network: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Return the sum over members of cross-entropy and the mean divergence from the others."""
        pixels, targets, weights = batch
        peers: Any = network
        scores: Tensor = peers.each(pixels)
        total = torch.zeros((), device=pixels.device)
        for number, own in enumerate(scores):
            total = total + soft_cross_entropy(own, targets, weights)
            taught = [divergence(own, other) for k, other in enumerate(scores) if k != number]
            total = total + self.config.teaching * torch.stack(taught).mean()
        return total
