"""Deep mutual learning: networks trained together, each also on the others' predictions."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ml.data.variation.patches import Augmentation
from ml.methods.bases.network_recipe import NetworkRecipe, soft_cross_entropy
from ml.methods.combining.mutual.info import INFO, MutualConfig
from ml.networks.mutual import Peers, divergence


class Mutual(NetworkRecipe[MutualConfig]):
    """Deep mutual learning: Zhang et al., CVPR (2018)."""

    info = INFO

    def new_network(self) -> nn.Module:
        """Return new peers; every second one has the second encoder."""
        config = self.config
        second = config.encoder if config.second == "same" else config.second
        names = [second if number % 2 else config.encoder for number in range(config.members)]
        return Peers(names, len(self.classes), config.answer, self.depth)

    def answer_by(self, answer: str) -> None:
        """Select the ``mean`` of all members, or the ``first``, for predictions."""
        network: Any = self.fitted()
        network.answer = answer

    def augmentation(self) -> Augmentation:
        """Return the augmentation of training patches."""
        return Augmentation(stain=self.config.stain)

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
