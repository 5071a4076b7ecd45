"""Test-time augmentation: the mean of a model's predictions for rotated and mirrored patches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ml.contracts import Context
from ml.features.patch_sampler import PatchSampler
from ml.inference.averaging import Spread, dihedral_changes, random_changes, spread_of
from ml.inference.patch_predictions import PatchPredictions
from ml.methods.bases.inner_model import InnerFitting, InnerModel, InnerReader
from ml.methods.bases.network_parts import network_predictor
from ml.methods.bases.patch_recipe import PatchParts, PatchRecipe
from ml.methods.patches.tta.info import INFO, AveragedConfig
from ml.storage.model_state import ModelState, Weights


class Averaged(PatchRecipe[AveragedConfig]):
    """The survey's reading of MC-ViT's averaging, for any model of patches."""

    info = INFO

    def compose(self) -> PatchParts:
        """Return an earlier model, asked about several changes of each patch."""
        state, inner = self.state, InnerModel()
        reader = InnerReader(inner)
        sampler = PatchSampler(state, reader, inner.grid)
        predictor = AveragingPredictor(state, self.config, inner)
        fitting = InnerFitting(state, inner, self.config.source)
        return PatchParts(inner.grid, reader, sampler, predictor, fitting, nested=inner)


class AveragingPredictor:
    """The mean of the inner model's predictions for changed patches, and their spread."""

    def __init__(self, state: ModelState, config: AveragedConfig, inner: InnerModel) -> None:
        self._state, self._config, self.inner = state, config, inner

    def spread(self, pixels: NDArray[np.uint8]) -> Spread:
        """Return mean, deviation, entropy and mutual information of all predictions for the patches."""
        config, inner = self._config, self.inner.fitted()
        changes = (
            dihedral_changes()
            if config.mode == "dihedral"
            else random_changes(config.draws, self._state.seed, config.stain)
        )
        with self._dropout():
            return spread_of(np.stack([inner.judge_pixels(change(pixels)) for change in changes]))

    def judge(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Return the mean probabilities (n, k)."""
        return self.spread(rows).mean

    def judge_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the mean probabilities (n, k)."""
        return self.judge(pixels)

    def predictions(self, indices: NDArray[np.intp], rows: NDArray[Any]) -> PatchPredictions:
        """Return the mean prediction, with the uncertainty of the settings."""
        predicted = self.spread(rows)
        reported = np.ones(len(indices), dtype=bool)
        uncertainty = predicted.uncertainty(self._config.uncertainty)
        return PatchPredictions(indices, predicted.mean, uncertainty, reported)

    def ready(self, context: Context) -> None:
        """Move the inner model to the device of the context."""
        self.inner.fitted().ready(context)

    def weights(self) -> Weights:
        """Return one array, as a model folder holds at least one."""
        return {"wraps": np.ones(1, dtype=np.float32)}

    def restore(self, weights: Weights) -> None:
        """Check saved arrays; raises KeyError for other arrays."""
        weights["wraps"]

    @contextmanager
    def _dropout(self) -> Iterator[None]:
        """Enable dropout during inference of the inner network, where the settings ask for it."""
        predictor = network_predictor(self.inner.fitted())
        if not self._config.dropout or predictor is None:
            yield
            return
        network = predictor.network.fitted()
        layers = [layer for layer in network.modules() if isinstance(layer, nn.Dropout)]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._state.seed)
            for layer in layers:
                layer.train()
            try:
                yield
            finally:
                for layer in layers:
                    layer.eval()
