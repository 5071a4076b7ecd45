"""Narrow and wide views of a place through encoders, joined before the last layer."""

from __future__ import annotations

from torch import nn

from ml.data.variation.patches import Augmentation
from ml.inference.network_predictor import NetworkPredictor
from ml.inference.patch_readers import ViewReader
from ml.methods.bases.network_parts import network_parts
from ml.methods.bases.patch_recipe import PatchParts, PatchRecipe
from ml.methods.patches.multiscale.info import INFO, MultiScaleConfig
from ml.networks.model_network import ModelNetwork
from ml.networks.multiscale import MultiScaleNetwork
from ml.training.patch_trainer import AugmentedPatches, PatchTrainer


class MultiScale(PatchRecipe[MultiScaleConfig]):
    """Two or three scales; features concatenated, averaged or weighted."""

    info = INFO

    def compose(self) -> PatchParts:
        """Return encoders over several magnifications; all views of a patch vary alike."""
        config, state = self.config, self.state
        predictor = NetworkPredictor(state, ModelNetwork(self._network), config.pixels)
        reader = ViewReader(state, config.patch, config.pixels, config.scales)
        batches = AugmentedPatches(predictor, Augmentation(stain=config.stain))
        return network_parts(config, reader, predictor, PatchTrainer(predictor, config, batches))

    def _network(self) -> nn.Module:
        config = self.config
        return MultiScaleNetwork(
            config.encoder,
            len(self.classes),
            config.scales,
            config.fusion,
            channels=self.state.depth,
            shared=config.shared,
        )
