"""A convolutional encoder, chosen by a setting, under one linear layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ml.contracts import DataError, Dataset, SlideFinding, SlideReader
from ml.data.variation.patches import Augmentation
from ml.data.variation.sampling import balanced_order
from ml.evaluation.weighted import confusion, f1_scores, mean_of_defined
from ml.messages import Message
from ml.methods.bases.network_recipe import NetworkRecipe, class_balance, soft_cross_entropy
from ml.methods.bases.patch_recipe import TrainingTable
from ml.methods.patches.convolutional.info import INFO, ConvolutionalConfig
from ml.networks.encoders import PatchNetwork
from ml.slides.stains import NormalisedReader, Normaliser, StainFit, fit_pixels, fit_slide, reference_fit

FOCUS = 2.0
TOP_SHARE = 0.01
# Breaks ties between epochs with the same F1.
TIE = 1e-3


class Convolutional(NetworkRecipe[ConvolutionalConfig]):
    """Encoder, global average, one linear layer."""

    info = INFO

    def __init__(self, labels: Sequence[str], config: Mapping[str, Any]) -> None:
        super().__init__(labels, config)
        # The slide that was fitted last, and its stain: one slide is read from beginning to end.
        self._fit: tuple[Path | None, StainFit | None] = (None, None)

    def new_network(self) -> nn.Module:
        """Return a new network."""
        return PatchNetwork(self.config.encoder, len(self.classes), channels=self.depth)

    def augmentation(self) -> Augmentation:
        """Return the augmentation of training patches."""
        config = self.config
        return Augmentation(
            stain=config.stain,
            shift=config.stain / float(np.log(10)),
            hue=config.hue,
            zoom=config.zoom,
            degrade=config.degrade,
        )

    def take_channels(self, dataset: Dataset) -> None:
        """Store the channels; raises DataError(``bad_config``) where stain normalisation is asked for."""
        super().take_channels(dataset)
        if self.channels and self.config.normalise != "none":
            message = Message("channels_not_normalised")
            raise DataError(message, code="bad_config")

    def stain_normalised(self, reader: SlideReader) -> SlideReader:
        """Return a reader in the reference stain, fitted once per slide."""
        method = self.config.normalise
        if method == "none":
            return reader
        known, fit = self._fit
        if known != reader.path:
            fit = fit_slide(reader, method)
            self._fit = (reader.path, fit)
        return NormalisedReader(reader, Normaliser(method, fit, reference_fit()))

    def stain_normalised_image(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return an image in the reference stain, fitted to the image itself."""
        method = self.config.normalise
        if method == "none":
            return pixels
        return Normaliser(method, fit_pixels(pixels, method), reference_fit()).apply(pixels)

    def importance(self, known: TrainingTable) -> NDArray[np.float64]:
        """Return class weights n / (k n_k), unless the sampler balances the classes already."""
        return class_balance(known) if self.config.balance == "weights" else known.weights

    def order(self, learned: TrainingTable, random: np.random.Generator) -> NDArray[np.intp]:
        """Return each item once, or a sample with classes, or classes and slides, balanced."""
        if self.config.balance == "weights":
            return super().order(learned, random)
        units = learned.units if self.config.balance == "classes and slides" else None
        return balanced_order(learned.targets.argmax(axis=1), units, random)

    def loss(self, network: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Return cross-entropy, or the focal loss with gamma 2 (Lin et al., ICCV 2017)."""
        pixels, targets, weights = batch
        scores = network(pixels)
        if self.config.loss == "cross-entropy":
            return soft_cross_entropy(scores, targets, weights)
        logs = functional.log_softmax(scores, dim=1)
        focal = ((1 - logs.exp()) ** FOCUS * targets * -logs).sum(dim=1)
        return focal.mul(weights).sum() / weights.sum()

    def validation_loss(self, scores: NDArray[np.float64], held: TrainingTable) -> float:
        """Return 1 - macro F1 on the held-out part, with ties broken by cross-entropy."""
        sure = held.truth >= 0
        entropy = super().validation_loss(scores, held)
        if not sure.any():
            return entropy
        once = np.ones((1, int(sure.sum())))
        probability = torch.softmax(torch.from_numpy(scores[sure]), dim=1).numpy()
        score = float(mean_of_defined(f1_scores(confusion(once, held.truth[sure], probability)))[0])
        return 1 - score + TIE * entropy

    def _finding(self, values: NDArray[np.float32]) -> SlideFinding | None:
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
