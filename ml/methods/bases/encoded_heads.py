"""Heads over stored features of patches, with the encoder that the features come from."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ml.contracts import Context, DataError, Dataset
from ml.data.training_table import TrainingTable
from ml.features.patch_sampler import Sampler, take_classes
from ml.inference.feature_reader import FeatureReader
from ml.messages import Message
from ml.methods.bases.encoding import ChosenEncoder
from ml.methods.bases.settings import EncoderSettings
from ml.networks.heads import Heads
from ml.storage.model_state import ModelState, Weights

HEAD = "head."


class EncodedHeads:
    """The encoder of patches and the trained heads over its features, as a model folder stores them."""

    def __init__(self, state: ModelState, config: EncoderSettings, members: int, dropout: float) -> None:
        self.state = state
        self.encoder = ChosenEncoder(state, config)
        self.reader = FeatureReader(config, self.encoder, share=0.5, image_share=0.5)
        self.current: Heads | None = None
        self._members, self._dropout = members, dropout

    def open(
        self, sampler: Sampler, dataset: Dataset, context: Context
    ) -> tuple[TrainingTable, TrainingTable]:
        """Open the encoder; return the training and the held-out items, as features."""
        take_classes(self.state, dataset, context)
        self.encoder.open(context)
        return sampler.material(dataset, context)

    def fitted(self) -> Heads:
        """Return the trained heads; raises DataError(``not_fitted``)."""
        if self.current is None:
            raise DataError(Message("not_fitted"))
        return self.current

    def scores(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Return the scores (members, n, classes) of features (n, size)."""
        with torch.no_grad():
            scores: NDArray[np.float64] = (
                self.fitted()(torch.from_numpy(np.asarray(rows, np.float32))).double().numpy()
            )
        return scores

    def encode(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return newly computed features (n, size) of pixels."""
        return self.encoder.current.encode(pixels)

    def ready(self, context: Context) -> None:
        """Move the encoder to the device of the context; heads are small and stay on the CPU."""
        self.encoder.ready(context)

    def weights(self) -> Weights:
        """Return the arrays of encoder and heads; raises DataError(``not_fitted``)."""
        packed = self.encoder.weights()
        state = {f"{HEAD}{name}": value.numpy() for name, value in self.fitted().state_dict().items()}
        return {**packed, **state}

    def restore(self, weights: Weights) -> None:
        """Restore saved arrays; raises KeyError, ValueError or RuntimeError for other arrays."""
        self.encoder.restore(weights)
        state = {
            name.removeprefix(HEAD): torch.from_numpy(value)
            for name, value in weights.items()
            if name.startswith(HEAD)
        }
        size, hidden = state["first"].shape[1:]
        heads = Heads(size, hidden, len(self.state.classes), self._members, self._dropout)
        heads.load_state_dict(state)
        self.current = heads.eval()
