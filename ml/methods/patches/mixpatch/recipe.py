"""MixPatch: each batch has a second one of patches composed from clean cells, with soft labels."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.contracts import Context, DataError
from ml.data.patches import BACKGROUND
from ml.data.variation.mixing import CleanBank, MixRule, cutmix, mix_patches, mixup, smooth
from ml.data.variation.patches import Augmentation
from ml.messages import Message
from ml.methods.bases.network_recipe import NetworkRecipe, soft_cross_entropy
from ml.methods.bases.patch_recipe import TrainingTable
from ml.methods.patches.mixpatch.info import INFO, MixPatchConfig
from ml.networks.encoders import PatchNetwork
from ml.training.loop import TrainingPlan

SMOOTHING = 0.1
Batch = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


class MixPatch(NetworkRecipe[MixPatchConfig]):
    """A convolutional network with a mixed second batch; the kinds of mixing can be compared."""

    info = INFO

    _bank: CleanBank | None = None

    def new_network(self) -> nn.Module:
        """Return a new network."""
        return PatchNetwork(self.config.encoder, len(self.classes), channels=self.depth)

    def augmentation(self) -> Augmentation:
        """Return the augmentation of training patches."""
        return Augmentation(stain=self.config.stain)

    def plan(self, learned: TrainingTable, context: Context) -> TrainingPlan:
        """Return the shared plan with averaged weights."""
        return dataclasses.replace(super().plan(learned, context), average=self.config.average)

    def start(self, network: nn.Module, learned: TrainingTable, context: Context) -> None:
        """Collect the clean patches; raises DataError(``no_clean``) unless both kinds occur."""
        del network, context
        sure = learned.truth >= 0
        bank = CleanBank(learned.rows[sure], learned.truth[sure].astype(np.int64), self._normal())
        healthy = bank.classes == bank.normal
        if self.config.mixing == "mixpatch" and (healthy.all() or not healthy.any()):
            message = Message(
                "mixing_needs_two",
                label=self.classes[bank.normal],
            )
            raise DataError(message, code="no_clean")
        self._bank = bank

    def batch(
        self,
        known: TrainingTable,
        importance: NDArray[np.float64],
        chosen: NDArray[np.intp],
        random: np.random.Generator,
    ) -> Batch:
        """Return a plain batch, and as many mixed patches with their soft labels."""
        pixels, targets, weights = super().batch(known, importance, chosen, random)
        mixed, soft = self._second(known, chosen, random)
        return (
            pixels,
            self._smoothed(targets),
            weights,
            self.pixels(mixed),
            torch.from_numpy(soft).float().to(self._device),
        )

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Return cross-entropy of the plain batch plus that of the mixed one."""
        pixels, targets, weights, mixed, soft = batch
        scores = network(torch.cat([pixels, mixed]))
        plain = soft_cross_entropy(scores[: len(pixels)], targets, weights)
        second = soft_cross_entropy(scores[len(pixels) :], soft, torch.ones(len(mixed), device=mixed.device))
        total: Tensor = plain + self.config.share * second
        return total

    def _second(
        self, known: TrainingTable, chosen: NDArray[np.intp], random: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """Return the second batch, of the same size for every kind of mixing, so that costs are equal."""
        config = self.config
        if config.mixing == "mixpatch":
            if self._bank is None:
                raise DataError(Message("nothing_to_mix"), code="no_clean")
            floor = None if config.label == "proportion" else config.floor
            rule = MixRule(config.cells, floor, len(self.classes))
            return mix_patches(self._bank, len(chosen), rule, random, self.channel_augmentation())
        # Drawn so that classes come equally often, as weights make them do in the plain batch.
        odds = self.importance(known)
        others = random.choice(len(known.rows), len(chosen), p=odds / odds.sum())
        augmented = self.augmented(known, others, random)
        targets = known.targets[others]
        if config.mixing == "mixup":
            return mixup(augmented, targets, random)
        if config.mixing == "cutmix":
            return cutmix(augmented, targets, random)
        return augmented, np.asarray(self._smoothed(targets))

    def _smoothed(self, targets: Any) -> Any:
        return smooth(targets, SMOOTHING) if self.config.mixing == "label smoothing" else targets

    def _normal(self) -> int:
        """Return the healthy class: the named one, else background, else the first."""
        name = self.config.normal or (BACKGROUND if self.background else self.classes[0])
        if name not in self.classes:
            message = Message(
                "normal_unknown",
                label=str(name),
                known=", ".join(self.classes),
            )
            raise DataError(message, code="bad_config")
        return self.classes.index(name)
