"""A residual network for patches: batch normalisation after every convolution, two poolings only."""

from __future__ import annotations

from torch import Tensor, nn

from ml.networks.precision import channels_last

POOLED = 4
HIDDEN = 128
DROPOUT = 0.5


def convolution(channels: int, output: int, side: int = 3) -> nn.Sequential:
    """Return a convolution of the same output size, with batch normalisation and without bias."""
    return nn.Sequential(
        nn.Conv2d(channels, output, side, padding=side // 2, bias=False), nn.BatchNorm2d(output)
    )


class ResidualUnit(nn.Module):
    """Two convolutions with a residual connection: He et al., CVPR (2016)."""

    def __init__(self, channels: int, output: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(convolution(channels, output), nn.ReLU(), convolution(output, output))
        self.last = nn.ReLU()
        self.around = nn.Identity() if channels == output else convolution(channels, output, 1)

    def forward(self, values: Tensor) -> Tensor:
        """Return (n, output channels, height, width) for (n, channels, height, width)."""
        output: Tensor = self.last(self.inner(values) + self.around(values))
        return output


class ResidualNetwork(nn.Module):
    """Scores (n, classes) for (n, channels, height, width) pixels in 0..1.

    Pooling only after the first two convolutions; then residual units; each pair doubles
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
            output = wide * min(4, 2 ** (number // 2))
            layers.append(ResidualUnit(channels, output))
            channels = output
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
        """Return the input (n, 128) of the last layer."""
        hidden: Tensor = self.head[:4](self.body(channels_last(pixels) * 2 - 1))
        return hidden

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the scores before softmax."""
        scores: Tensor = self.head(self.body(pixels * 2 - 1))
        return scores
