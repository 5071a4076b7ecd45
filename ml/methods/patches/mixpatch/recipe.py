"""MixPatch: each batch has a second one of patches composed from clean cells, with soft labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.contracts import Context, DataError
from ml.data.training_table import TrainingTable, class_balance
from ml.data.variation.mixing import CleanBank, MixRule, cutmix, mix_patches, mixup, smooth
from ml.data.variation.patches import Augmentation
from ml.inference.network_predictor import NetworkPredictor
from ml.inference.patch_readers import PixelReader
from ml.messages import Message
from ml.methods.bases.network_parts import network_parts
from ml.methods.bases.patch_recipe import PatchParts, PatchRecipe
from ml.methods.patches.mixpatch.info import INFO, MixPatchConfig
from ml.networks.encoders import PatchNetwork
from ml.networks.model_network import ModelNetwork
from ml.storage.model_state import BACKGROUND, ModelState
from ml.training.patch_trainer import AugmentedPatches, PatchTrainer, soft_cross_entropy

SMOOTHING = 0.1
Batch = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


class MixPatch(PatchRecipe[MixPatchConfig]):
    """A convolutional network with a mixed second batch; the kinds of mixing can be compared."""

    info = INFO

    def compose(self) -> PatchParts:
        """Return a convolutional network over pixels, trained on mixed batches."""
        config, state = self.config, self.state
        predictor = NetworkPredictor(state, ModelNetwork(self._network), config.pixels)
        plain = AugmentedPatches(predictor, Augmentation(stain=config.stain))
        trainer = PatchTrainer(predictor, config, plain, loss=self._loss, average=config.average)
        reader = PixelReader(state, config.pixels)
        return network_parts(config, reader, predictor, MixingTrainer(trainer, plain, config))

    def _network(self) -> nn.Module:
        return PatchNetwork(self.config.encoder, len(self.classes), channels=self.state.depth)

    def _loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Return cross-entropy of the plain batch plus that of the mixed one."""
        pixels, targets, weights, mixed, soft = batch
        scores = network(torch.cat([pixels, mixed]))
        plain = soft_cross_entropy(scores[: len(pixels)], targets, weights)
        second = soft_cross_entropy(scores[len(pixels) :], soft, torch.ones(len(mixed), device=mixed.device))
        total: Tensor = plain + self.config.share * second
        return total


@dataclass(frozen=True)
class MixingTrainer:
    """Trains on mixed batches, from a bank of the clean training patches."""

    trainer: PatchTrainer
    plain: AugmentedPatches
    config: MixPatchConfig

    def train(self, network: nn.Module, learned: TrainingTable, held: TrainingTable, context: Context) -> int:
        """Collect the clean patches and train; raises DataError(``no_clean``) unless both kinds occur."""
        state = self.plain.predictor.state
        sure = learned.truth >= 0
        normal = _normal(self.config, state)
        bank = CleanBank(learned.rows[sure], learned.truth[sure].astype(np.int64), normal)
        healthy = bank.classes == bank.normal
        if self.config.mixing == "mixpatch" and (healthy.all() or not healthy.any()):
            message = Message("mixing_needs_two", label=state.classes[bank.normal])
            raise DataError(message, code="no_clean")
        batches = MixedPatches(self.plain, self.config, bank)
        return replace(self.trainer, batches=batches).train(network, learned, held, context)


@dataclass(frozen=True)
class MixedPatches:
    """A plain batch, and as many mixed patches with their soft labels."""

    plain: AugmentedPatches
    config: MixPatchConfig
    bank: CleanBank

    def batch(
        self,
        known: TrainingTable,
        importance: NDArray[np.float64],
        chosen: NDArray[np.intp],
        random: np.random.Generator,
    ) -> Batch:
        """Return a plain batch, and as many mixed patches with their soft labels."""
        predictor = self.plain.predictor
        pixels, targets, weights = self.plain.batch(known, importance, chosen, random)
        mixed, soft = self._second(known, chosen, random)
        return (
            pixels,
            self._smoothed(targets),
            weights,
            predictor.pixels(mixed),
            torch.from_numpy(soft).float().to(predictor.network.device),
        )

    def _second(
        self, known: TrainingTable, chosen: NDArray[np.intp], random: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """Return the second batch, of the same size for every kind of mixing, so that costs are equal."""
        config = self.config
        if config.mixing == "mixpatch":
            floor = None if config.label == "proportion" else config.floor
            rule = MixRule(config.cells, floor, known.targets.shape[1])
            return mix_patches(self.bank, len(chosen), rule, random, self.plain.augmentation)
        # Drawn so that classes come equally often, as weights make them do in the plain batch.
        odds = class_balance(known)
        others = random.choice(len(known.rows), len(chosen), p=odds / odds.sum())
        augmented = self.plain.augmented(known, others, random)
        targets = known.targets[others]
        if config.mixing == "mixup":
            return mixup(augmented, targets, random)
        if config.mixing == "cutmix":
            return cutmix(augmented, targets, random)
        return augmented, np.asarray(self._smoothed(targets))

    def _smoothed(self, targets: Any) -> Any:
        return smooth(targets, SMOOTHING) if self.config.mixing == "label smoothing" else targets


def _normal(config: MixPatchConfig, state: ModelState) -> int:
    """Return the healthy class: the named one, else background, else the first."""
    name = config.normal or (BACKGROUND if state.background else state.classes[0])
    if name not in state.classes:
        message = Message("normal_unknown", label=str(name), known=", ".join(state.classes))
        raise DataError(message, code="bad_config")
    return state.classes.index(name)
