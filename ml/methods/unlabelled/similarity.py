"""Parts of recipes with self-supervised training on tiles: two views of a tile are alike."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ml.contracts import Context, DataError, Dataset
from ml.data.training_table import TrainingTable
from ml.data.unlabelled import unlabelled_tiles
from ml.data.variation.patches import Augmentation
from ml.features.patch_sampler import PatchSampler, check_pixels
from ml.inference.network_predictor import NetworkPredictor
from ml.inference.patch_readers import PixelReader
from ml.methods.bases.patch_recipe import PatchParts
from ml.methods.patches.convolutional.scratch import ScratchNetwork
from ml.methods.unlabelled.settings import SimilarityConfig
from ml.networks.encoders import PatchNetwork
from ml.networks.model_network import ModelNetwork
from ml.slides.grid import GridSettings
from ml.storage.model_state import ModelState
from ml.training.patch_trainer import AugmentedPatches, NetworkFitting, PatchTrainer
from ml.training.staged_trainer import StagedTrainer
from ml.training.view_trainer import Unlikeness, ViewTrainer

UNLABELLED = {"one_class_only", "no_labels"}


def similarity_parts(state: ModelState, config: SimilarityConfig, unlikeness: Unlikeness) -> PatchParts:
    """Return an encoder learned from views of tiles, then trained on labels as in ``transfer``.

    A model of this kind describes tiles for other recipes as ``encoder:<model>``, and ``transfer`` can start
    from it. Without labels to learn from it does only that, and finds nothing on a slide.
    """
    network = ModelNetwork(partial(_new_network, state, config))
    predictor = NetworkPredictor(state, network, config.pixels)
    reader = PixelReader(state, config.pixels)

    def grid() -> GridSettings:
        return config

    sampler = PatchSampler(state, reader, grid, check_pixels)
    trainer = PatchTrainer(predictor, config, AugmentedPatches(predictor, Augmentation(stain=config.stain)))
    fitting = SimilarityFitting(
        sampler, predictor, trainer, config, ViewTrainer(predictor, config, unlikeness)
    )
    return PatchParts(grid, reader, sampler, predictor, fitting)


@dataclass(frozen=True)
class SimilarityFitting:
    """Fits the encoder to tiles, then the network to the labels, if there are any."""

    sampler: PatchSampler
    predictor: NetworkPredictor
    trainer: PatchTrainer
    config: SimilarityConfig
    views: ViewTrainer

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train on all tiles but those of the test part, then on the labelled ones."""
        state, network = self.predictor.state, self.predictor.network
        network.device = context.device
        tiles = unlabelled_tiles(dataset, self.config, context)
        prepare = partial(self._learn_views, tiles)
        staged = StagedTrainer(self.trainer, self.config, prepare, ScratchNetwork(state))
        try:
            NetworkFitting(self.sampler, self.predictor, staged).fit(dataset, context)
        except DataError as error:
            if error.code not in UNLABELLED:
                raise
            state.seed, state.labels, state.background = context.seed, (), False
            encoder = network.fresh(context.seed)
            self._train_views(encoder, tiles, context)
            network.current = encoder.eval()
        state.facts |= {"tiles without labels": len(tiles)}

    def _learn_views(
        self, tiles: NDArray[np.uint8], network: PatchNetwork, learned: TrainingTable, context: Context
    ) -> None:
        """Train the encoder without labels, before the labelled patches are learned from."""
        del learned
        self._train_views(network, tiles, replace(context, scratch=context.scratch / "views"))

    def _train_views(self, network: nn.Module, tiles: NDArray[np.uint8], context: Context) -> None:
        if not isinstance(network, PatchNetwork):
            raise TypeError
        self.views.train(network, tiles, context)


def _new_network(state: ModelState, config: SimilarityConfig) -> nn.Module:
    """Return a new network; one without labels has an unused head."""
    return PatchNetwork(config.encoder, max(1, len(state.classes)))
