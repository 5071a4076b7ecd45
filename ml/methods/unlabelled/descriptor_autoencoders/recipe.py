"""Auto-encoders of a tile's pixels, gradients and local patterns, then a classifier on their latents."""

from __future__ import annotations

import numpy as np

from ml.contracts import DataError
from ml.features.patch_sampler import PatchSampler
from ml.inference.patch_readers import PixelReader
from ml.messages import Message
from ml.methods.bases.patch_recipe import PatchParts, PatchRecipe
from ml.methods.unlabelled.descriptor_autoencoders.fitting import LatentFitting
from ml.methods.unlabelled.descriptor_autoencoders.info import INFO, DescriptorAutoencodersConfig
from ml.methods.unlabelled.descriptor_autoencoders.network import TripleAutoencoder
from ml.methods.unlabelled.descriptor_autoencoders.predictor import LatentPredictor, described
from ml.networks.model_network import ModelNetwork
from ml.slides.grid import GridSettings


class DescriptorAutoencoders(PatchRecipe[DescriptorAutoencodersConfig]):
    """Descriptors under stacked auto-encoders. Sheikh et al. (2022), reconstructed from the abstract.

    The auto-encoders learn from all tiles, labelled or not; the classifier from the labelled ones.
    """

    info = INFO

    def compose(self) -> PatchParts:
        """Return auto-encoders of tiles under a kernel classifier."""
        config, state = self.config, self.state
        predictor = LatentPredictor(state, config, ModelNetwork(self._network))
        reader = PixelReader(state, config.pixels)
        sampler = PatchSampler(state, reader, self._grid)
        fitting = LatentFitting(predictor, sampler, config)
        return PatchParts(self._grid, reader, sampler, predictor, fitting)

    def _grid(self) -> GridSettings:
        return self.config

    def _network(self) -> TripleAutoencoder:
        """Return new auto-encoders; raises DataError(``bad_config``) for a side that 16 does not divide."""
        side = self.config.pixels
        if side % 16:
            raise DataError(Message("pixels_times_16", pixels=side), code="bad_config")
        tile = described(np.zeros((1, side, side, 3), np.uint8))
        return TripleAutoencoder(side, tile.gradients.shape[1], tile.patterns.shape[1])
