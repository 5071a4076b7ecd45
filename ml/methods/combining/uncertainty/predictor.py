"""Predictions by passes with dropout: doubtful patches are not reported, doubtful slides referred."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax

from ml.contracts import Context, SlideFinding
from ml.evaluation.referral import Thresholds
from ml.inference.averaging import Spread, spread_of
from ml.inference.patch_predictions import PatchPredictions
from ml.methods.bases.encoded_heads import EncodedHeads
from ml.storage.model_state import Weights

LIMITS = "limits"


class DropoutPredictor:
    """The mean of ``passes`` with dropout; ``limits`` are the thresholds of doubt."""

    def __init__(self, heads: EncodedHeads, passes: int) -> None:
        self.heads, self._passes = heads, passes
        self.limits = Thresholds(np.inf, np.inf, 0.5, 0.5)

    def spread(self, rows: NDArray[Any]) -> Spread:
        """Return mean and spread of passes with dropout; the same for the same rows."""
        heads = self.heads.fitted()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.heads.state.seed)
            heads.dropout.train()
            answers = [softmax(self.heads.scores(rows)[0], axis=1) for _ in range(self._passes)]
            heads.dropout.eval()
        return spread_of(np.stack(answers))

    def judge(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Return probabilities (n, k) for features (n, size)."""
        return self.spread(rows).mean

    def judge_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return probabilities of pixels, from newly computed features."""
        return self.judge(self.heads.encode(pixels))

    def predictions(self, indices: NDArray[np.intp], rows: NDArray[Any]) -> PatchPredictions:
        """Return the predictions for some patches; uncertain ones are not reported."""
        predicted = self.spread(rows)
        reported = doubt_of(predicted) < self.limits.patch
        return PatchPredictions(indices, predicted.mean, predicted.uncertainty("deviation"), reported)

    def finding(self, values: NDArray[np.float32]) -> SlideFinding:
        """Return the mean of the patches that are certain, and whether a person should decide."""
        reported = ~np.isnan(values[:, 0])
        doubt = values[:, -1].astype(np.float64) / 2
        if not reported.any():
            count = len(self.heads.state.labels)
            return SlideFinding(np.full(count, 1 / count, dtype=np.float32), 1.0, refer=True)
        uncertainty = float(doubt[reported].mean())
        return SlideFinding(
            values[reported, :-1].mean(axis=0), 2 * uncertainty, refer=uncertainty >= self.limits.slide
        )

    def ready(self, context: Context) -> None:
        """Move the encoder to the device of the context."""
        self.heads.ready(context)

    def weights(self) -> Weights:
        """Return the arrays of encoder and heads, and the thresholds."""
        limits = np.array(dataclasses.astuple(self.limits), dtype=np.float64)
        return {**self.heads.weights(), LIMITS: limits}

    def restore(self, weights: Weights) -> None:
        """Restore saved arrays."""
        self.limits = Thresholds(*(float(value) for value in weights[LIMITS]))
        self.heads.restore(weights)


def doubt_of(predicted: Spread) -> NDArray[np.float64]:
    """Return the deviation (n,) of the likeliest class."""
    best = predicted.mean.argmax(axis=1)
    doubt: NDArray[np.float64] = predicted.deviation[np.arange(len(best)), best]
    return doubt
