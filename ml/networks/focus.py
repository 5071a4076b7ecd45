"""DeepFocus: a small network that classifies 64 x 64 pixels as in focus or blurred.

Senaras et al., PLoS ONE 13(10):e0205387 (2018), the layout of the published code. Its transfer-learned
variant puts two outputs on the body of a network that already knows tissue.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

SIDE: Final = 64
DROPOUT: Final = 0.2
# Channels, side of the kernel, and whether pooling follows.
LAYERS: Final = ((32, 5, False), (32, 3, False), (64, 3, True), (128, 3, True), (128, 3, True))


class FocusNetwork(nn.Module):
    """Scores (n, 2), in focus and blurred, of pixels (n, 3, 64, 64) in 0..1, each patch minus its mean."""

    def __init__(self, narrow: int = 1) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        channels = 3
        for wide, side, pooled in LAYERS:
            parts += [nn.Conv2d(channels, wide // narrow, side), nn.ReLU(), nn.BatchNorm2d(wide // narrow)]
            parts += [nn.MaxPool2d(2)] if pooled else []
            channels = wide // narrow
        self.body = nn.Sequential(*parts, nn.Flatten())
        size = self.body(torch.zeros(2, 3, SIDE, SIDE)).shape[1]
        self.head = nn.Sequential(*_dense(size, 128), *_dense(128, 64), nn.Linear(64, 2))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the scores before softmax."""
        scores: Tensor = self.head(self.body(pixels - pixels.mean(dim=(2, 3), keepdim=True)))
        return scores


class TransferredFocus(nn.Module):
    """Scores (n, 2) by two outputs on features (n, size) of a frozen network."""

    def __init__(self, body: nn.Module, size: int) -> None:
        super().__init__()
        self.body = body.requires_grad_(requires_grad=False)
        self.head = nn.Sequential(nn.LayerNorm(size), *_dense(size, 64), nn.Linear(64, 2))

    def train(self, mode: bool = True) -> TransferredFocus:  # noqa: FBT001, FBT002 - the signature of nn.Module
        """Switch the outputs between training and evaluation; the body stays in evaluation."""
        super().train(mode)
        self.body.eval()
        return self

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the scores before softmax."""
        with torch.no_grad():
            features = self.body(pixels)
        scores: Tensor = self.head(features)
        return scores


def _dense(size: int, output: int) -> tuple[nn.Module, ...]:
    return nn.Linear(size, output), nn.ReLU(), nn.BatchNorm1d(output), nn.Dropout(DROPOUT)
