"""SA-MIL: pixels are instances, the image is the bag, with attention along rows and columns.

Li et al., Medical Image Analysis 86:102791 (2023): three convolutional stages, criss-cross attention applied
twice with shared weights, three side outputs and their weighted sum, pooled by a generalised mean.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

FUSION = (0.20, 0.35, 0.45)
POWER = 4
REPEATS = 2
LAYERS = (2, 2, 3)
LITTLE = 1e-6


class CrissCross(nn.Module):
    """Each pixel attends to its row and its column. Huang et al., CCNet, ICCV (2019).

    ``published`` keeps two slips of SA-MIL's published code: the softmax runs over the rows of the image
    instead of over the places attended to, and the pixel itself counts twice.
    """

    def __init__(self, channels: int, *, published: bool) -> None:
        super().__init__()
        self.published = published
        self.query = nn.Conv2d(channels, max(1, channels // 8), 1)
        self.key = nn.Conv2d(channels, max(1, channels // 8), 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.strength = nn.Parameter(torch.zeros(1))

    def weights(self, values: Tensor) -> Tensor:
        """Return attention (n, h, w, h + w): the weight of each place of a pixel's column and row."""
        query, key = self.query(values), self.key(values)
        column = torch.einsum("nchw,ncgw->nhwg", query, key)
        row = torch.einsum("nchw,nchv->nhwv", query, key)
        if self.published:
            return torch.cat([column, row], dim=3).softmax(dim=1)
        itself = torch.eye(values.shape[2], dtype=torch.bool, device=values.device)[None, :, None]
        return torch.cat([column.masked_fill(itself, -torch.inf), row], dim=3).softmax(dim=3)

    def forward(self, values: Tensor) -> Tensor:
        """Return attended maps (n, c, h, w) of the same shape."""
        value = self.value(values)
        weights = self.weights(values)
        height = values.shape[2]
        attended = torch.einsum("nhwg,ncgw->nchw", weights[..., :height], value)
        attended = attended + torch.einsum("nhwv,nchv->nchw", weights[..., height:], value)
        return self.strength * attended + values


def stage(channels: int, output: int, layers: int) -> nn.Sequential:
    """Return 3 x 3 convolutions with batch normalisation, as in VGG."""
    parts: list[nn.Module] = []
    for number in range(layers):
        parts += [
            nn.Conv2d(output if number else channels, output, 3, padding=1),
            nn.BatchNorm2d(output),
            nn.ReLU(),
        ]
    return nn.Sequential(*parts)


class SaMilNetwork(nn.Module):
    """Probabilities (n, 4 k, h, w) for pixels (n, 3, h, w) in 0..1: the weighted sum of k labels, then sides.

    Height and width are multiples of 8. ``attention`` lists the stages (1 to 3) that attend.
    """

    def __init__(self, labels: int, width: int, attention: Sequence[int], *, published: bool) -> None:
        super().__init__()
        wide = (3, width, 2 * width, 4 * width)
        self.stages = nn.ModuleList(stage(wide[i], wide[i + 1], LAYERS[i]) for i in range(3))
        self.attention = nn.ModuleDict(
            {str(number): CrissCross(wide[number], published=published) for number in attention}
        )
        self.sides = nn.ModuleList(nn.Conv2d(channels, labels, 1) for channels in wide[1:])

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the fused map of each label, then the three side maps."""
        values = pixels * 2 - 1
        sides = []
        for number, (layers, side) in enumerate(zip(self.stages, self.sides, strict=True), start=1):
            values = layers(values)
            if str(number) in self.attention:
                for _ in range(REPEATS):
                    values = self.attention[str(number)](values)
            values = functional.max_pool2d(values, 2)
            scores = functional.interpolate(
                side(values), scale_factor=2.0**number, mode="bilinear", align_corners=False
            )
            sides.append(torch.sigmoid(scores))
        fused = torch.stack([weight * side for weight, side in zip(FUSION, sides, strict=True)]).sum(dim=0)
        return torch.cat([fused, *sides], dim=1)


def generalised_mean(maps: Tensor) -> Tensor:
    """Return (n, c) of maps (n, c, h, w) in 0..1: the fourth root of the mean fourth power."""
    mean: Tensor = maps.clamp(min=LITTLE).pow(POWER).mean(dim=(2, 3)).pow(1 / POWER)
    return mean.clamp(LITTLE, 1 - LITTLE)
