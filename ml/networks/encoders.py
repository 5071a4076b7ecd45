"""Networks from a patch to a row of features, chosen by name, with a linear head.

All start from chance: no weights ship with the product. ``stages`` are the parts of an encoder from
the pixels up, which is what partial training and layer-wise rates go by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import torch
from monai.networks.nets.densenet import DenseNet121
from monai.networks.nets.efficientnet import EfficientNetBN
from monai.networks.nets.resnet import resnet18
from torch import Tensor, nn

from ml.networks.precision import channels_last
from ml.networks.residual import convolution

SMALL_WIDTHS: Final = (16, 32, 64, 64)
DROPOUT: Final = 0.2
COLOURS: Final = 3


class Encoder(nn.Module):
    """Features (n, size) of pixels (n, channels, height, width) in 0..1."""

    def __init__(self, body: nn.Module, size: int, stages: Sequence[Sequence[nn.Module]]) -> None:
        super().__init__()
        self.body = body
        self.size = size
        # A plain list, because registered modules would be listed twice among the weights.
        self._stages = [list(stage) for stage in stages]

    @property
    def stages(self) -> list[list[nn.Module]]:
        """Return the parts from the pixels up; together they hold every weight once."""
        return self._stages

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the features."""
        features: Tensor = self.body(channels_last(pixels) * 2 - 1)
        return features


class PatchNetwork(nn.Module):
    """Scores (n, classes): an encoder, dropout and one linear layer.

    The lowest ``frozen`` stages neither learn nor renew the statistics of their normalisation.
    """

    def __init__(
        self, encoder: str, classes: int, dropout: float = DROPOUT, *, channels: int = COLOURS
    ) -> None:
        super().__init__()
        self.encoder = make_encoder(encoder, channels)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(self.encoder.size, classes)
        self.frozen = 0

    def freeze(self, stages: int) -> None:
        """Keep the lowest stages as they are."""
        self.frozen = stages
        for number, stage in enumerate(self.encoder.stages):
            for module in stage:
                module.requires_grad_(number >= stages)

    def train(self, mode: bool = True) -> PatchNetwork:  # noqa: FBT001, FBT002 - the signature of nn.Module
        """Switch between training and evaluation; frozen stages stay in evaluation."""
        super().train(mode)
        for stage in self.encoder.stages[: self.frozen]:
            for module in stage:
                module.eval()
        return self

    def features(self, pixels: Tensor) -> Tensor:
        """Return the input of the last layer (n, size)."""
        features: Tensor = self.encoder(pixels)
        return features

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the scores before softmax."""
        scores: Tensor = self.head(self.dropout(self.features(pixels)))
        return scores


def make_encoder(name: str, channels: int = COLOURS) -> Encoder:
    """Return a new encoder for pixels with this many channels; weights are drawn from torch's generator."""
    return ENCODERS[name](channels)


def _small(channels: int) -> Encoder:
    stages: list[nn.Module] = []
    for width in SMALL_WIDTHS:
        stages.append(nn.Sequential(convolution(channels, width), nn.ReLU(), nn.MaxPool2d(2)))
        channels = width
    body = nn.Sequential(*stages, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return Encoder(body, channels, [[stage] for stage in stages])


def _resnet18(channels: int) -> Encoder:
    # A stride of 2 in the first convolution, as published; MONAI's default of 1 is 4.6 times slower.
    net: Any = resnet18(spatial_dims=2, n_input_channels=channels, conv1_t_stride=2, feed_forward=False)
    return Encoder(net, 512, [[net.conv1, net.bn1], [net.layer1], [net.layer2], [net.layer3], [net.layer4]])


def _densenet121(channels: int) -> Encoder:
    net: Any = DenseNet121(spatial_dims=2, in_channels=channels, out_channels=1)
    parts = net.features
    body = nn.Sequential(parts, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    stages: list[list[nn.Module]] = [[parts.conv0, parts.norm0]]
    stages += [[getattr(parts, f"denseblock{k}"), getattr(parts, f"transition{k}")] for k in (1, 2, 3)]
    stages.append([parts.denseblock4, parts.norm5])
    return Encoder(body, 1024, stages)


def _efficientnet_b0(channels: int) -> Encoder:
    net: Any = EfficientNetBN("efficientnet-b0", pretrained=False, spatial_dims=2, in_channels=channels)
    net._dropout, net._fc = nn.Identity(), nn.Identity()  # noqa: SLF001 - the head is ours
    first = [net._conv_stem, net._bn0]  # noqa: SLF001 - MONAI names its parts so
    last = [net._conv_head, net._bn1]  # noqa: SLF001 - the same
    return Encoder(net, 1280, [first, *([block] for block in net._blocks), last])  # noqa: SLF001 - the same


ENCODERS: Final[dict[str, Callable[[int], Encoder]]] = {
    "small": _small,
    "resnet18": _resnet18,
    "efficientnet-b0": _efficientnet_b0,
    "densenet121": _densenet121,
}


def stage_groups(network: PatchNetwork, decay: float) -> list[dict[str, Any]]:
    """Return parameter groups: the head at the full rate, each stage below at ``decay`` of the next."""
    groups: list[dict[str, Any]] = [{"params": list(network.head.parameters()), "scale": 1.0}]
    scale = 1.0
    for stage in reversed(network.encoder.stages[network.frozen :]):
        scale *= decay
        params = [weight for module in stage for weight in module.parameters()]
        groups.append({"params": params, "scale": scale})
    return groups


def renew_statistics(network: nn.Module, batches: Sequence[Tensor]) -> None:
    """Re-estimate the means and variances of all batch normalisation layers on these pixels."""
    layers = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    kept = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
        layer.train()
    with torch.no_grad():
        for pixels in batches:
            network(pixels)
    for layer, momentum in zip(layers, kept, strict=True):
        layer.momentum = momentum
        layer.eval()
