"""A residual network for patches: batch normalisation after every convolution, two poolings only."""

from __future__ import annotations

from torch import Tensor, nn

from ml.networks.precision import channels_last

POOLED = 4
HIDDEN = 128
DROPOUT = 0.5


def convolution(channels: int, found: int, side: int = 3) -> nn.Sequential:
    """Return a convolution that keeps the size, with batch normalisation and no bias of its own."""
    return nn.Sequential(
        nn.Conv2d(channels, found, side, padding=side // 2, bias=False), nn.BatchNorm2d(found)
    )


class ResidualUnit(nn.Module):
    """Two convolutions and a way around them: He et al., CVPR (2016)."""

    def __init__(self, channels: int, found: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(convolution(channels, found), nn.ReLU(), convolution(found, found))
        self.last = nn.ReLU()
        self.around = nn.Identity() if channels == found else convolution(channels, found, 1)

    def forward(self, values: Tensor) -> Tensor:
        """Return (n, found, height, width) for (n, channels, height, width)."""
        found: Tensor = self.last(self.inner(values) + self.around(values))
        return found


class ResidualNetwork(nn.Module):
    """Scores (n, classes) for (n, channels, height, width) pixels in 0..1.

    Pooling only after the first two convolutions; then residual units, of which each pair doubles
    the channels up to four times; pooled to 4 x 4, 128 hidden neurons, dropout of one half.
    """

    def __init__(self, classes: int, width: int, units: int, channels: int = 3) -> None:
        super().__init__()
        wide = 2 * width
        layers: list[nn.Module] = [
            convolution(channels, width),
            nn.ReLU(),
            nn.MaxPool2d(2),
            convolution(width, wide),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
        channels = wide
        for number in range(units):
            found = wide * min(4, 2 ** (number // 2))
            layers.append(ResidualUnit(channels, found))
            channels = found
        self.body = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(POOLED),
            nn.Flatten(),
            nn.Linear(channels * POOLED * POOLED, HIDDEN),
            nn.ReLU(),
            nn.Dropout(DROPOUT),
            nn.Linear(HIDDEN, classes),
        )

    def features(self, pixels: Tensor) -> Tensor:
        """Return the 128 hidden numbers (n, 128) that the last layer looks at."""
        hidden: Tensor = self.head[:4](self.body(channels_last(pixels) * 2 - 1))
        return hidden

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the scores before softmax."""
        scores: Tensor = self.head(self.body(pixels * 2 - 1))
        return scores
