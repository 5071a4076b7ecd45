"""A convolutional encoder, chosen by a setting, under one linear layer."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ml.contracts import Context, DataError, Dataset, SlideFinding
from ml.data.channels import channels_of
from ml.data.training_table import TrainingTable, class_balance
from ml.data.variation.patches import Augmentation
from ml.data.variation.sampling import balanced_order
from ml.evaluation.weighted import confusion, f1_scores, mean_of_defined
from ml.inference.network_predictor import NetworkPredictor
from ml.inference.patch_readers import PixelReader
from ml.inference.reference_stain import ReferenceStain
from ml.messages import Message
from ml.methods.bases.network_parts import network_parts
from ml.methods.bases.patch_recipe import PatchParts, PatchRecipe
from ml.methods.patches.convolutional.info import INFO, ConvolutionalConfig
from ml.networks.encoders import PatchNetwork
from ml.networks.model_network import ModelNetwork
from ml.training.patch_trainer import (
    AugmentedPatches,
    Batch,
    PatchTrainer,
    held_out_entropy,
    shuffled,
    weighted_cross_entropy,
)

FOCUS = 2.0
TOP_SHARE = 0.01
# Breaks ties between epochs with the same F1.
TIE = 1e-3


class Convolutional(PatchRecipe[ConvolutionalConfig]):
    """Encoder, global average, one linear layer."""

    info = INFO

    def compose(self) -> PatchParts:
        """Return an encoder with a linear layer, with the loss, the order and the stain of the settings."""
        config, state = self.config, self.state
        predictor = NetworkPredictor(state, ModelNetwork(self._network), config.pixels)
        reader = PixelReader(state, config.pixels, ReferenceStain(config.normalise))
        augmentation = Augmentation(
            stain=config.stain,
            shift=config.stain / float(np.log(10)),
            hue=config.hue,
            zoom=config.zoom,
            degrade=config.degrade,
        )
        trainer = PatchTrainer(
            predictor,
            config,
            AugmentedPatches(predictor, augmentation),
            loss=weighted_cross_entropy if config.loss == "cross-entropy" else focal_loss,
            importance=self._importance,
            order=self._order,
            validation=f1_loss,
        )
        return network_parts(config, reader, predictor, trainer, finding=self._finding)

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train; raises DataError(``bad_config``) where the stain of channels is to be normalised."""
        if self.config.normalise != "none" and channels_of(dataset):
            raise DataError(Message("channels_not_normalised"), code="bad_config")
        super().fit(dataset, context)

    def _network(self) -> nn.Module:
        return PatchNetwork(self.config.encoder, len(self.classes), channels=self.state.depth)

    def _importance(self, known: TrainingTable) -> NDArray[np.float64]:
        """Return class weights n / (k n_k), unless the sampler balances the classes already."""
        return class_balance(known) if self.config.balance == "weights" else known.weights

    def _order(self, learned: TrainingTable, random: np.random.Generator) -> NDArray[np.intp]:
        """Return each item once, or a sample with classes, or classes and slides, balanced."""
        if self.config.balance == "weights":
            return shuffled(learned, random)
        units = learned.units if self.config.balance == "classes and slides" else None
        return balanced_order(learned.targets.argmax(axis=1), units, random)

    def _finding(self, values: NDArray[np.float32]) -> SlideFinding | None:
        """Return the slide's share of each label by the rule of the settings."""
        rule = self.config.slide_score
        if rule == "none":
            return None
        probability = values[:, :-1]
        if rule == "top":
            count = max(1, round(TOP_SHARE * len(values)))
            share = np.sort(probability, axis=0)[-count:].mean(axis=0)
        elif rule == "fraction":
            share = (probability >= self.config.threshold).mean(axis=0)
        else:
            share = probability.mean(axis=0)
        return SlideFinding(share.astype(np.float32), float(values[:, -1].mean()))


def focal_loss(network: nn.Module, batch: Batch) -> Tensor:
    """Return the focal loss with gamma 2 (Lin et al., ICCV 2017)."""
    pixels, targets, weights = batch
    logs = functional.log_softmax(network(pixels), dim=1)
    focal = ((1 - logs.exp()) ** FOCUS * targets * -logs).sum(dim=1)
    return focal.mul(weights).sum() / weights.sum()


def f1_loss(scores: NDArray[np.float64], held: TrainingTable, weights: NDArray[np.float64]) -> float:
    """Return 1 - macro F1 on the held-out part, with ties broken by cross-entropy."""
    sure = held.truth >= 0
    entropy = held_out_entropy(scores, held, weights)
    if not sure.any():
        return entropy
    once = np.ones((1, int(sure.sum())))
    probability = torch.softmax(torch.from_numpy(scores[sure]), dim=1).numpy()
    score = float(mean_of_defined(f1_scores(confusion(once, held.truth[sure], probability)))[0])
    return 1 - score + TIE * entropy
