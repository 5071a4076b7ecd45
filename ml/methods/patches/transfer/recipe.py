"""Transfer learning: a network that starts from another one's weights, with slow or frozen low stages."""

from __future__ import annotations

import numpy as np
from torch import nn

from ml.contracts import Context, DataError, Dataset
from ml.data.training_table import TrainingTable
from ml.data.variation.patches import Augmentation
from ml.inference.network_predictor import INFERENCE_BATCH, NetworkPredictor
from ml.inference.patch_readers import PixelReader
from ml.messages import Message
from ml.methods.bases.network_parts import network_parts
from ml.methods.bases.patch_recipe import PatchParts, PatchRecipe
from ml.methods.patches.convolutional.scratch import ScratchNetwork
from ml.methods.patches.transfer.info import INFO, TransferConfig
from ml.networks.encoders import PatchNetwork, renew_statistics
from ml.networks.model_network import ModelNetwork
from ml.training.patch_trainer import AugmentedPatches, PatchTrainer
from ml.training.staged_trainer import StagedTrainer
from ml.training.transfer import take_over


class Transfer(PatchRecipe[TransferConfig]):
    """An encoder with weights from an earlier model, from self-supervised training, or from a file."""

    info = INFO

    def compose(self) -> PatchParts:
        """Return a convolutional network, trained stage by stage from the weights of the source."""
        config, state = self.config, self.state
        self._predictor = NetworkPredictor(state, ModelNetwork(self._network), config.pixels)
        batches = AugmentedPatches(self._predictor, Augmentation(stain=config.stain))
        trainer = PatchTrainer(self._predictor, config, batches)
        staged = StagedTrainer(trainer, config, self._load, ScratchNetwork(state))
        return network_parts(config, PixelReader(state, config.pixels), self._predictor, staged)

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Load the weights, train by the mode, and record the result of the same network from scratch."""
        if not self.config.source:
            raise DataError(Message("source_missing"), code="no_source")
        super().fit(dataset, context)

    def _network(self) -> nn.Module:
        return PatchNetwork(self.config.encoder, len(self.classes), channels=self.state.depth)

    def _load(self, network: PatchNetwork, learned: TrainingTable, context: Context) -> None:
        """Load the source's weights into the encoder."""
        path = context.find_model(self.config.source)
        take_over(network.encoder, path, self.config.encoder)
        network.to(self._predictor.network.device)
        if not self.config.renew:
            return
        kept = np.linspace(0, len(learned.rows) - 1, min(len(learned.rows), 4 * INFERENCE_BATCH))
        rows = learned.rows[kept.astype(np.intp)]
        starts = range(0, len(rows), INFERENCE_BATCH)
        renew_statistics(network, [self._predictor.pixels(rows[k : k + INFERENCE_BATCH]) for k in starts])
