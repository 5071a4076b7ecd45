"""Three stacked auto-encoders side by side: of the image, of its gradients, of its local patterns."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

IMAGE, OTHER = 128, 64


class Described(NamedTuple):
    """Three inputs of a tile: ``image`` (n, 3, side, side), ``gradients`` (n, g), ``patterns`` (n, p)."""

    image: Tensor
    gradients: Tensor
    patterns: Tensor


class TripleAutoencoder(nn.Module):
    """Latents of 128, 64 and 64 numbers; ``side`` is a multiple of 16."""

    means: Tensor
    spreads: Tensor

    def __init__(self, side: int, gradients: int, patterns: int) -> None:
        super().__init__()
        self.gradients, self.small = gradients, side // 16
        self.register_buffer("means", torch.zeros(gradients + patterns))
        self.register_buffer("spreads", torch.ones(gradients + patterns))
        widths = (3, 16, 32, 64, 64)
        down = [m for a, b in pairwise(widths) for m in _down(a, b)]
        self.into = nn.Sequential(*down, nn.Flatten(), nn.Linear(64 * self.small**2, IMAGE))
        self.out = nn.Linear(IMAGE, 64 * self.small**2)
        back = widths[::-1]
        up = [m for a, b in pairwise(back) for m in _up(a, b)]
        self.up = nn.Sequential(*up[:-1])
        self.rest = nn.ModuleList(_dense(size) for size in (gradients, patterns))

    def latent(self, tile: Described) -> Tensor:
        """Return the three latents side by side (n, 256)."""
        others = self._others(tile)
        parts = [pair[0](rows) for pair, rows in zip(self.rest, others, strict=True)]  # type: ignore[index]
        return torch.cat([self.into(tile.image), *parts], dim=1)

    def forward(self, tile: Described) -> Tensor:
        """Return the mean squared error of the three inputs, each scaled by itself."""
        code = self.into(tile.image)
        image = self.up(self.out(code).reshape(-1, 64, self.small, self.small))
        error = functional.mse_loss(torch.sigmoid(image), tile.image) * 10
        for pair, rows in zip(self.rest, self._others(tile), strict=True):
            error = error + functional.mse_loss(pair(rows), rows)
        return error

    def _others(self, tile: Described) -> tuple[Tensor, Tensor]:
        rows = torch.cat([tile.gradients, tile.patterns], dim=1)
        rows = ((rows - self.means) / self.spreads).clamp(-5, 5)
        return rows[:, : self.gradients], rows[:, self.gradients :]


def _down(channels: int, output: int) -> list[nn.Module]:
    return [nn.Conv2d(channels, output, 3, stride=2, padding=1), nn.BatchNorm2d(output), nn.ReLU()]


def _up(channels: int, output: int) -> list[nn.Module]:
    return [nn.Upsample(scale_factor=2), nn.Conv2d(channels, output, 3, padding=1), nn.ReLU()]


def _dense(size: int) -> nn.Sequential:
    """Return an encoder and a decoder of two layers each."""
    middle = max(OTHER, min(256, size))
    return nn.Sequential(
        nn.Sequential(nn.Linear(size, middle), nn.ReLU(), nn.Linear(middle, OTHER)),
        nn.Sequential(nn.ReLU(), nn.Linear(OTHER, middle), nn.ReLU(), nn.Linear(middle, size)),
    )
