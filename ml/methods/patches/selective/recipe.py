"""A network that also learns from drawn tiles, where they measurably improve it."""

from __future__ import annotations

from torch import nn

from ml.data.variation.patches import Augmentation
from ml.inference.network_predictor import NetworkPredictor
from ml.inference.patch_readers import PixelReader
from ml.methods.bases.network_parts import network_parts
from ml.methods.bases.patch_recipe import PatchParts, PatchRecipe
from ml.methods.patches.selective.info import INFO, SelectiveConfig
from ml.methods.patches.selective.trainer import SelectiveTrainer
from ml.networks.encoders import PatchNetwork
from ml.networks.model_network import ModelNetwork
from ml.training.patch_trainer import AugmentedPatches, PatchTrainer


class Selective(PatchRecipe[SelectiveConfig]):
    """Training without and with drawn tiles; these are kept only where macro F1 significantly rises."""

    info = INFO

    def compose(self) -> PatchParts:
        """Return a convolutional network, trained with a gate on drawn tiles."""
        config, state = self.config, self.state
        predictor = NetworkPredictor(state, ModelNetwork(self._network), config.pixels)
        batches = AugmentedPatches(predictor, Augmentation(stain=config.stain))
        trainer = SelectiveTrainer(PatchTrainer(predictor, config, batches), config)
        return network_parts(config, PixelReader(state, config.pixels), predictor, trainer)

    def _network(self) -> nn.Module:
        return PatchNetwork(self.config.encoder, len(self.classes))
