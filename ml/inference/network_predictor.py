"""Predictions of a network over the pixels of patches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from torch import Tensor, nn

from ml.contracts import Context
from ml.inference.patch_predictions import PatchPredictions, predictions_of
from ml.messages import Message
from ml.networks.model_network import ModelNetwork
from ml.networks.precision import inference_batch_size, inference_mode
from ml.storage.model_state import ModelState, Weights

INFERENCE_BATCH = 64


@runtime_checkable
class Embedder(Protocol):
    """A predictor that also returns features of patches; ``side`` is their side in pixels."""

    @property
    def side(self) -> int:
        """Return the side of the patches of ``embed`` in pixels."""
        ...

    def embed(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the features (n, d) float32 of RGB (n, side, side, 3)."""
        ...


@dataclass(frozen=True)
class NetworkPredictor:
    """A calibrated softmax over the scores of a network of pixels in 0..1, (n, depth, side, side)."""

    state: ModelState
    network: ModelNetwork[nn.Module]
    side: int

    def pixels(self, rows: NDArray[Any]) -> Tensor:
        """Return bytes (..., height, width, depth) as (..., depth, height, width) in 0..1, on the device.

        In memory channels stay last, as pixels come: see ``ml.networks.precision.channels_last``.
        """
        pixels = torch.from_numpy(np.ascontiguousarray(rows)).to(self.network.device)
        return pixels.movedim(-1, -3).float() / 255

    def scores(self, network: nn.Module, rows: NDArray[Any], context: Context) -> NDArray[np.float64]:
        """Return the scores (n, classes) of a network in evaluation mode and full precision."""
        scores = []
        network.eval()
        with torch.inference_mode():
            for start in range(0, len(rows), INFERENCE_BATCH):
                context.report(0.99, Message("looking_at_held_out", done=start, total=len(rows)))
                scores.append(network(self.pixels(rows[start : start + INFERENCE_BATCH])).cpu())
        return torch.cat(scores).double().numpy()

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the scores (n, classes) of pixels as ``pixels`` returns them."""
        network = self.network.fitted()
        with inference_mode(self.network.device):
            return cast("Tensor", network(pixels)).float()

    def judge(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Return calibrated probabilities (n, k)."""
        size = inference_batch_size(self.network.device)
        scores = [
            self.forward(self.pixels(rows[start : start + size])).cpu() for start in range(0, len(rows), size)
        ]
        shares: NDArray[np.float64] = softmax(
            torch.cat(scores).double().numpy() / self.state.temperature, axis=1
        )
        return shares

    def judge_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return calibrated probabilities (n, k)."""
        return self.judge(pixels)

    def predictions(self, indices: NDArray[np.intp], rows: NDArray[Any]) -> PatchPredictions:
        """Return the predictions for some patches, with their entropy as uncertainty."""
        return predictions_of(indices, self.judge(rows))

    def embed(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the features (n, d) float32 below the last layer, for RGB (n, side, side, 3)."""
        network: Any = self.network.fitted()
        with torch.inference_mode():
            features = [
                network.features(self.pixels(patches[start : start + INFERENCE_BATCH])).float().cpu()
                for start in range(0, len(patches), INFERENCE_BATCH)
            ]
        return torch.cat(features).numpy()

    def ready(self, context: Context) -> None:
        """Move the network to the device of the context."""
        self.network.ready(context)

    def weights(self) -> Weights:
        """Return the learned arrays; raises DataError(``not_fitted``)."""
        return self.network.weights()

    def restore(self, weights: Weights) -> None:
        """Restore saved arrays; raises KeyError, ValueError or RuntimeError for other arrays."""
        self.network.restore(weights, self.state.seed)
