"""MUSA-UNet: a light U-Net with attention on its skips and several up-sampling paths.

From the abstract of the paper on liver portal tracts (survey reference 8): depth-wise separable
convolutions, residual connections, spatial attention on skips, several up-sampling paths merged at the end.
The details are ours: spatial attention as in Woo et al., CBAM, ECCV (2018); every level of the decoder has
its own path to full size, by transposed convolution, by interpolation and by pixel shuffle in turn, and the
paths are joined before the last convolution.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

LEVELS = 4
PATH = 8


def separable(channels: int, output: int) -> nn.Sequential:
    """Return a depth-wise 3 x 3 and a point-wise convolution with instance normalisation."""
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False),
        nn.Conv2d(channels, output, 1, bias=False),
        nn.InstanceNorm2d(output, affine=True),
    )


class SeparableUnit(nn.Module):
    """Two separable convolutions with a residual connection."""

    def __init__(self, channels: int, output: int) -> None:
        super().__init__()
        self.first, self.second = separable(channels, output), separable(output, output)
        self.around = nn.Identity() if channels == output else nn.Conv2d(channels, output, 1, bias=False)

    def forward(self, values: Tensor) -> Tensor:
        """Return (n, output channels, h, w) for (n, channels, h, w)."""
        inner = self.second(functional.leaky_relu(self.first(values), 0.1))
        return functional.leaky_relu(inner + self.around(values), 0.1)


class SpatialAttention(nn.Module):
    """Spatial attention: weights of a skip's pixels by the mean and maximum of its channels."""

    def __init__(self) -> None:
        super().__init__()
        self.weigh = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, values: Tensor) -> Tensor:
        """Return ``values`` (n, c, h, w), each pixel times a weight in 0..1."""
        summary = torch.cat([values.mean(dim=1, keepdim=True), values.amax(dim=1, keepdim=True)], dim=1)
        return values * torch.sigmoid(self.weigh(summary))


def path(kind: int, channels: int, times: int) -> nn.Module:
    """Return an up-sampling path (n, channels, h, w) to (n, PATH, times h, times w), of three kinds."""
    if times == 1:
        return nn.Conv2d(channels, PATH, 1)
    if kind == 0:
        return nn.ConvTranspose2d(channels, PATH, times, stride=times)
    if kind == 1:
        return nn.Sequential(
            nn.Conv2d(channels, PATH, 1),
            nn.Upsample(scale_factor=times, mode="bilinear", align_corners=False),
        )
    return nn.Sequential(nn.Conv2d(channels, PATH * times**2, 1), nn.PixelShuffle(times))


class MusaNetwork(nn.Module):
    """Class scores (n, classes, h, w) for pixels (n, channels, h, w) in 0..1; sides are multiples of 8."""

    def __init__(self, classes: int, width: int, channels: int = 3) -> None:
        super().__init__()
        wide = [width * 2**level for level in range(LEVELS)]
        self.stem = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.InstanceNorm2d(width, affine=True)
        )
        self.down = nn.ModuleList(
            SeparableUnit(wide[max(0, level - 1)], wide[level]) for level in range(LEVELS)
        )
        self.skips = nn.ModuleList(SpatialAttention() for _ in range(LEVELS - 1))
        self.up = nn.ModuleList(
            SeparableUnit(wide[level] + wide[level + 1], wide[level]) for level in range(LEVELS - 1)
        )
        self.paths = nn.ModuleList(path(level % 3, wide[level], 2**level) for level in range(LEVELS))
        self.last = nn.Sequential(
            nn.LeakyReLU(0.1),
            separable(PATH * LEVELS, 2 * PATH),
            nn.LeakyReLU(0.1),
            nn.Conv2d(2 * PATH, classes, 1),
        )

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the scores before softmax."""
        values = functional.leaky_relu(self.stem(pixels * 2 - 1), 0.1)
        levels = []
        for number, unit in enumerate(self.down):
            values = unit(functional.max_pool2d(values, 2) if number else values)
            levels.append(values)
        ways = [self.paths[-1](values)]
        for number in reversed(range(LEVELS - 1)):
            skip = self.skips[number](levels[number])
            larger = functional.interpolate(values, scale_factor=2.0, mode="bilinear", align_corners=False)
            values = self.up[number](torch.cat([skip, larger], dim=1))
            ways.append(self.paths[number](values))
        scores: Tensor = self.last(torch.cat(ways, dim=1))
        return scores
