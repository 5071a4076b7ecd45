"""A residual network trained on labelled patches, for long training."""

from __future__ import annotations

from torch import nn

from ml.inference.network_predictor import NetworkPredictor
from ml.inference.patch_readers import PixelReader
from ml.methods.bases.network_parts import network_parts
from ml.methods.bases.patch_recipe import PatchParts, PatchRecipe
from ml.methods.patches.residual.info import INFO, ResidualConfig
from ml.networks.model_network import ModelNetwork
from ml.networks.residual import ResidualNetwork
from ml.training.patch_trainer import AugmentedPatches, PatchTrainer

# The schedule ends at a tenth of its highest rate: 1e-3 falls to 1e-4.
FLOOR = 0.1


class Residual(PatchRecipe[ResidualConfig]):
    """Convolutions with skip connections, batch normalisation and a calibrated softmax."""

    info = INFO

    def compose(self) -> PatchParts:
        """Return a residual network over pixels, trained with the minimum of steps of this network."""
        config, state = self.config, self.state
        predictor = NetworkPredictor(state, ModelNetwork(self._network), config.pixels)
        trainer = PatchTrainer(predictor, config, AugmentedPatches(predictor), floor=FLOOR)
        return network_parts(config, PixelReader(state, config.pixels), predictor, trainer)

    def _network(self) -> nn.Module:
        return ResidualNetwork(len(self.classes), self.config.width, self.config.units, self.state.depth)
