"""Predictions by a kernel head over the latents of the auto-encoders."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ml.contracts import Context, DataError
from ml.features.gradients import gradient_histograms, normalise_tile, pattern_histograms
from ml.inference.network_predictor import INFERENCE_BATCH
from ml.inference.patch_predictions import PatchPredictions, predictions_of
from ml.messages import Message
from ml.methods.unlabelled.descriptor_autoencoders.info import DescriptorAutoencodersConfig
from ml.methods.unlabelled.descriptor_autoencoders.network import IMAGE, Described, TripleAutoencoder
from ml.networks.model_network import ModelNetwork
from ml.storage.model_state import ModelState, Weights
from ml.training.kernel import KernelHead
from ml.training.logistic import probabilities

HEAD = "head."
GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32) / 255


class LatentPredictor:
    """A kernel head, with a temperature, over the latents of RGB tiles (n, side, side, 3)."""

    def __init__(
        self,
        state: ModelState,
        config: DescriptorAutoencodersConfig,
        network: ModelNetwork[TripleAutoencoder],
    ) -> None:
        self.state, self.network, self._config = state, network, config
        self.head: KernelHead | None = None

    @property
    def side(self) -> int:
        """Return the side of the patches of ``embed`` in pixels."""
        return self._config.pixels

    def embed(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the latents (n, 256), or (n, 128) of the image alone, of RGB (n, side, side, 3)."""
        network, device = self.network.fitted(), self.network.device
        parts = []
        with torch.inference_mode():
            for start in range(0, len(patches), INFERENCE_BATCH):
                tile = described(patches[start : start + INFERENCE_BATCH])
                parts.append(network.latent(Described(*(part.to(device) for part in tile))).cpu())
        latents: NDArray[np.float32] = torch.cat(parts).numpy()
        return latents if self._config.ways == "all" else latents[:, :IMAGE]

    def judge(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Return calibrated probabilities (n, k)."""
        if self.head is None:
            raise DataError(Message("not_fitted"))
        return probabilities(self.head.scores(self.embed(rows).astype(np.float64)), self.state.temperature)

    def judge_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return calibrated probabilities (n, k)."""
        return self.judge(pixels)

    def predictions(self, indices: NDArray[np.intp], rows: NDArray[Any]) -> PatchPredictions:
        """Return the predictions for some patches, with their entropy as uncertainty."""
        return predictions_of(indices, self.judge(rows))

    def ready(self, context: Context) -> None:
        """Move the auto-encoders to the device of the context."""
        self.network.ready(context)

    def weights(self) -> Weights:
        """Return the arrays of auto-encoders and head; raises DataError(``not_fitted``)."""
        head = {} if self.head is None else self.head.arrays()
        return self.network.weights() | {f"{HEAD}{name}": value for name, value in head.items()}

    def restore(self, weights: Weights) -> None:
        """Restore saved arrays; raises KeyError, ValueError or RuntimeError for other arrays."""
        head = {name.removeprefix(HEAD): value for name, value in weights.items() if name.startswith(HEAD)}
        rest = {name: value for name, value in weights.items() if not name.startswith(HEAD)}
        self.network.restore(rest, self.state.seed)
        self.head = KernelHead.from_arrays(head)
        self.head.check(len(self.head.mean), len(self.state.classes))


def described(tiles: NDArray[np.uint8]) -> Described:
    """Return pixels, gradients and patterns of RGB tiles (n, side, side, 3)."""
    even = np.stack([normalise_tile(tile) for tile in tiles])
    greys = even.astype(np.float32) @ GREY
    return Described(
        torch.from_numpy(even).permute(0, 3, 1, 2).float() / 255,
        torch.from_numpy(np.stack([gradient_histograms(grey) for grey in greys])),
        torch.from_numpy(np.stack([pattern_histograms(grey) for grey in greys])),
    )
