"""Online mutual knowledge transfer: two kinds of network teach each other and predict by fused features.

After the abstracts of MF-OMKT (Artificial Intelligence in Medicine, 2022) and EFML (Biomedical Signal
Processing and Control, 2023); the weights of the terms are our reconstruction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ml.contracts import Context
from ml.data.training_table import TrainingTable
from ml.data.variation.patches import Augmentation
from ml.inference.network_predictor import NetworkPredictor
from ml.inference.patch_readers import PixelReader
from ml.methods.bases.network_parts import network_parts
from ml.methods.bases.patch_recipe import PatchParts, PatchRecipe
from ml.methods.combining.omkt.info import INFO, TransferPairConfig
from ml.networks.model_network import ModelNetwork
from ml.networks.mutual import FusedPair, divergence
from ml.training.patch_trainer import (
    AugmentedPatches,
    Batch,
    PatchTrainer,
    soft_cross_entropy,
    steps_per_epoch,
)


class MutualTransfer(PatchRecipe[TransferPairConfig]):
    """Supervision of all four scores by labels and, after a warm-up, by each other."""

    info = INFO

    def compose(self) -> PatchParts:
        """Return a pair of networks, trained on the labels and on each other."""
        config, state = self.config, self.state
        predictor = NetworkPredictor(state, ModelNetwork(self._network), config.pixels)
        batches = AugmentedPatches(predictor, Augmentation(stain=config.stain))
        trainer = TransferTrainer(PatchTrainer(predictor, config, batches), config)
        return network_parts(config, PixelReader(state, config.pixels), predictor, trainer)

    def _network(self) -> nn.Module:
        return FusedPair(self.config.encoder, self.config.second, len(self.classes), self.state.depth)


@dataclass(frozen=True)
class TransferTrainer:
    """Trains a pair whose mutual learning starts after some epochs."""

    trainer: PatchTrainer
    config: TransferPairConfig

    def warm_up(self, learned: TrainingTable) -> int:
        """Return the number of steps before mutual learning starts."""
        return self.config.warm_up * steps_per_epoch(learned, self.config)

    def train(self, network: nn.Module, learned: TrainingTable, held: TrainingTable, context: Context) -> int:
        """Train on ``learned``, with early stopping on ``held``; return the number of epochs."""
        loss = TransferLoss(self.config, self.warm_up(learned))
        return replace(self.trainer, loss=loss).train(network, learned, held, context)


@dataclass(frozen=True)
class TransferLoss:
    """Cross-entropy of the four scores and, after ``warm_up`` steps, their divergence from each other."""

    config: TransferPairConfig
    warm_up: int

    def __call__(self, network: nn.Module, batch: Batch) -> Tensor:
        """Return the loss of a batch."""
        pixels, targets, weights = batch
        pair: Any = network
        scores = pair.each(pixels)
        answers = (scores.first, scores.second, scores.fused, scores.joined)
        total = torch.stack([soft_cross_entropy(each, targets, weights) for each in answers]).sum()
        pair.seen += 1
        if int(pair.seen) <= self.warm_up:
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
