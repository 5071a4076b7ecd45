"""Deep mutual learning: networks trained together, each also on the others' predictions."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ml.data.variation.patches import Augmentation
from ml.inference.network_predictor import NetworkPredictor
from ml.inference.patch_readers import PixelReader
from ml.methods.bases.network_parts import network_parts
from ml.methods.bases.patch_recipe import PatchParts, PatchRecipe
from ml.methods.combining.mutual.info import INFO, MutualConfig
from ml.networks.model_network import ModelNetwork
from ml.networks.mutual import Peers, divergence
from ml.training.patch_trainer import AugmentedPatches, Batch, PatchTrainer, soft_cross_entropy


class Mutual(PatchRecipe[MutualConfig]):
    """Deep mutual learning: Zhang et al., CVPR (2018)."""

    info = INFO

    def compose(self) -> PatchParts:
        """Return several networks as one, trained on the labels and on each other."""
        config, state = self.config, self.state
        predictor = NetworkPredictor(state, ModelNetwork(self._network), config.pixels)
        batches = AugmentedPatches(predictor, Augmentation(stain=config.stain))
        trainer = PatchTrainer(predictor, config, batches, loss=self._loss)
        return network_parts(config, PixelReader(state, config.pixels), predictor, trainer)

    def _network(self) -> nn.Module:
        """Return new peers; every second one has the second encoder."""
        config = self.config
        second = config.encoder if config.second == "same" else config.second
        names = [second if number % 2 else config.encoder for number in range(config.members)]
        return Peers(names, len(self.classes), config.answer, self.state.depth)

    def _loss(self, network: nn.Module, batch: Batch) -> Tensor:
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
