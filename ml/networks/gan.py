"""Networks of the tile GANs: WGAN-GP with labels, and the parts that steer it by a real tile's layout.

Gulrajani et al., NeurIPS (2017); labels by projection: Miyato and Koyama, ICLR (2018). The segmentation
module follows Kweon et al., Sensors 22(10):3960 (2022), whose abstract leaves the details to us.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

LATENT = 128
START = 4
EMBEDDED = 32
CODE = 8
WIDEST = 128


def halvings(pixels: int) -> int:
    """Return the number of halvings from a side to 4: 3 for 32, 4 for 64."""
    return round(math.log2(pixels // START))


class Rise(nn.Module):
    """Up-sampling block: nearest neighbours, a convolution, normalisation."""

    def __init__(self, channels: int, output: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Upsample(scale_factor=2),
            nn.Conv2d(channels, output, 3, padding=1),
            nn.BatchNorm2d(output),
            nn.ReLU(),
        )

    def forward(self, values: Tensor) -> Tensor:
        """Return (n, output channels, 2h, 2w)."""
        risen: Tensor = self.body(values)
        return risen


class Generator(nn.Module):
    """Generator of tiles (n, 3, pixels, pixels) in -1..1 from latent numbers (n, 128) and labels (n,).

    With ``steered`` it also takes maps of a reference at 8, 16, ... pixels, 32 channels each.
    """

    def __init__(self, pixels: int, classes: int, width: int, *, steered: bool) -> None:
        super().__init__()
        count = halvings(pixels)
        wide = [min(WIDEST, width * 2 ** (count - k)) for k in range(count + 1)]
        self.label = nn.Embedding(classes, LATENT)
        self.start = nn.Linear(LATENT, wide[0] * START * START)
        more = EMBEDDED if steered else 0
        self.rises = nn.ModuleList([Rise(wide[k] + (more if k else 0), wide[k + 1]) for k in range(count)])
        self.last = nn.Conv2d(wide[-1] + more, 3, 3, padding=1)

    def forward(self, latent: Tensor, labels: Tensor, maps: list[Tensor] | None = None) -> Tensor:
        """Return tiles."""
        values = self.start(latent + self.label(labels)).unflatten(1, (-1, START, START))
        for number, rise in enumerate(self.rises):
            values = rise(values)
            if maps is not None:
                values = torch.cat([values, maps[number]], dim=1)
        return torch.tanh(self.last(values))


class Critic(nn.Module):
    """Critic: a realness score per tile and label. Layer normalisation, as the gradient penalty needs it."""

    def __init__(self, pixels: int, classes: int, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for number in range(halvings(pixels)):
            output = min(WIDEST, width * 2**number)
            layers.append(nn.Conv2d(channels, output, 4, stride=2, padding=1))
            if number:
                layers.append(nn.GroupNorm(1, output))
            layers.append(nn.LeakyReLU(0.2))
            channels = output
        self.body = nn.Sequential(*layers, nn.Flatten())
        size = channels * START * START
        self.score = nn.Linear(size, 1)
        self.label = nn.Embedding(classes, size)

    def forward(self, tiles: Tensor, labels: Tensor) -> Tensor:
        """Return (n,)."""
        seen = self.body(tiles)
        # The dot product grows with its length, so it is scaled as in attention.
        match = (self.label(labels) * seen).sum(dim=1) / math.sqrt(seen.shape[1])
        score: Tensor = self.score(seen)[:, 0] + match
        return score


class Reconstructor(nn.Module):
    """Reconstructor of a tile from its mask and a 4 x 4 code; its up-sampling maps steer a generator."""

    def __init__(self, pixels: int, width: int) -> None:
        super().__init__()
        count = halvings(pixels)
        self.fall = nn.Sequential(*_falls(2, width, count))
        self.code = nn.Sequential(*_falls(3, width, count), nn.Conv2d(width, CODE, 1))
        self.rises = nn.ModuleList([Rise(width + CODE if not k else width, width) for k in range(count)])
        self.last = nn.Conv2d(width, 3, 3, padding=1)

    def maps(self, mask: Tensor, tiles: Tensor) -> list[Tensor]:
        """Return the maps (n, width, s, s) at s = 8, 16, ... for masks (n, 2, pixels, pixels) and tiles."""
        values = torch.cat([self.fall(mask), self.code(tiles)], dim=1)
        maps = []
        for rise in self.rises:
            values = rise(values)
            maps.append(values)
        return maps

    def forward(self, mask: Tensor, tiles: Tensor) -> Tensor:
        """Return the reconstructed tiles in -1..1."""
        return torch.tanh(self.last(self.maps(mask, tiles)[-1]))


class Segmenter(nn.Module):
    """Segmenter: scores (n, 2, pixels, pixels) of rest and nucleus; a U-Net of two levels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.near = _pair(3, width)
        self.far = _pair(width, 2 * width)
        self.join = _pair(3 * width, width)
        self.last = nn.Conv2d(width, 2, 1)

    def forward(self, tiles: Tensor) -> Tensor:
        """Return the scores."""
        near = self.near(tiles)
        far = self.far(functional.max_pool2d(near, 2))
        wide = functional.interpolate(far, scale_factor=2.0, mode="nearest")
        scores: Tensor = self.last(self.join(torch.cat([near, wide], dim=1)))
        return scores


class Embeddings(nn.Module):
    """Embeddings: one 1 x 1 convolution per scale, from a reconstructor's maps to a generator's inputs."""

    def __init__(self, pixels: int, width: int) -> None:
        super().__init__()
        self.each = nn.ModuleList([nn.Conv2d(width, EMBEDDED, 1) for _ in range(halvings(pixels))])

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """Return the maps with 32 channels; no gradient reaches the reconstructor."""
        return [layer(values.detach()) for layer, values in zip(self.each, maps, strict=True)]


def _falls(channels: int, width: int, count: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for _ in range(count):
        layers += [nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        channels = width
    return layers


def _pair(channels: int, output: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, output, 3, padding=1),
        nn.BatchNorm2d(output),
        nn.ReLU(),
        nn.Conv2d(output, output, 3, padding=1),
        nn.BatchNorm2d(output),
        nn.ReLU(),
    )
