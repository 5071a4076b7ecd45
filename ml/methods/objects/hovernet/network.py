"""HoVer-Net of MONAI, with its three branches in one tensor.

Graham et al., Medical Image Analysis 58:101563 (2019).
"""

from __future__ import annotations

import torch
from monai.networks.nets.hovernet import HoVerNet
from torch import Tensor, nn

from ml.networks.precision import bfloat16_on_cpu, channels_last

SIDE = 256


class HoverNetwork(nn.Module):
    """Scores (n, labels + 5, 256, 256) for pixels (n, channels, 256, 256) in 0..1.

    In order: nucleus or not (2), background and each label (1 + labels), horizontal and vertical offset (2).
    The decoders pad, so that what comes out is as large as what went in.
    """

    def __init__(self, labels: int, channels: int = 3) -> None:
        super().__init__()
        self.net = HoVerNet(mode="fast", in_channels=channels, out_classes=labels + 1, decoder_padding=True)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the three branches, one after the other."""
        with bfloat16_on_cpu(pixels.device):
            maps = self.net(channels_last(pixels) * 2 - 1)
        names = ("nucleus_prediction", "type_prediction", "horizontal_vertical")
        return torch.cat([maps[name] for name in names], dim=1).float()
