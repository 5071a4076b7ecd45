"""U-Nets: one with outputs for nuclei, and the family of them for regions."""

from __future__ import annotations

from monai.networks.nets.attentionunet import AttentionUnet
from monai.networks.nets.basic_unet import BasicUNet
from monai.networks.nets.basic_unetplusplus import BasicUNetPlusPlus
from monai.networks.nets.segresnet import SegResNet
from monai.networks.nets.unet import UNet
from torch import Tensor, nn

from ml.networks.precision import bfloat16_on_cpu, channels_last

NORM = ("instance", {"affine": True})
FAMILY = ("basic", "residual", "attention", "plusplus", "segresnet")


class NucleiNetwork(nn.Module):
    """Class scores (n, 1 + labels, h, w) and ``more`` maps beside them.

    The pixels are (n, channels, h, w) in 0..1, height and width multiples of 16. Ronneberger et al.,
    MICCAI (2015).
    """

    def __init__(self, labels: int, more: int, width: int, channels: int = 3) -> None:
        super().__init__()
        self.labels = labels
        self.net = basic(labels + 1 + more, width, channels)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return (n, 1 + labels + more, h, w): the class scores, then the other maps."""
        with bfloat16_on_cpu(pixels.device):
            scores: Tensor = self.net(channels_last(pixels) * 2 - 1)
        return scores.float()


class RegionNetwork(nn.Module):
    """Class scores (n, classes, h, w) for pixels (n, channels, h, w) in 0..1, by one of ``FAMILY``."""

    def __init__(self, kind: str, classes: int, width: int, channels: int = 3) -> None:
        super().__init__()
        wide = tuple(width * times for times in (1, 2, 4, 8))
        if kind == "basic":
            self.net: nn.Module = basic(classes, width, channels)
        elif kind == "residual":
            self.net = UNet(2, channels, classes, wide, (2, 2, 2), num_res_units=2, norm=NORM)
        elif kind == "attention":
            self.net = AttentionUnet(2, channels, classes, wide, (2, 2, 2))
        elif kind == "plusplus":
            features = (width, width, 2 * width, 4 * width, 8 * width, width)
            self.net = BasicUNetPlusPlus(2, channels, classes, features, norm=NORM, upsample="nontrainable")
        else:
            self.net = SegResNet(2, max(8, width // 8 * 8), channels, classes)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the scores before softmax."""
        output = self.net(channels_last(pixels) * 2 - 1)
        scores: Tensor = output[0] if isinstance(output, list) else output
        return scores


def basic(classes: int, width: int, channels: int) -> BasicUNet:
    """Return a plain U-Net of five levels. The first two levels have ``width`` channels."""
    return BasicUNet(
        spatial_dims=2,
        in_channels=channels,
        out_channels=classes,
        features=(width, width, 2 * width, 4 * width, 8 * width, width),
        norm=NORM,
        upsample="nontrainable",
    )
