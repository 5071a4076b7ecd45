"""Compute feature maps of pixels with a pretrained network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ml.encoders.efficientnet_lite import VARIANTS, load_lite
from ml.networks.precision import channels_last

# Side of a cell in pixels, and of the coarsest map's cells, to which sides are padded.
CELL: Final = 8
COARSEST: Final = 32
# Sides, in cells, of the surroundings that each cell is also described by.
SURROUNDINGS: Final = (7, 21)
# Pixels that go through the network at once.
TOGETHER: Final = 1 << 20


class DenseEncoder:
    """The maps of a network at strides 8, 16 and 32, joined on one grid with the means around each cell.

    Published use of such joined maps: Hariharan et al., Hypercolumns, CVPR (2015).
    """

    def __init__(self, name: str, device: str = "cpu") -> None:
        self.name, self.version = name, VARIANTS[name].sha256[:8]
        self._network = load_lite(name).to(device)
        self._device = device
        self.widths = tuple(self._network.widths)
        self.size = sum(self.widths) * (1 + len(SURROUNDINGS))

    def dense(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return features (h / 8, w / 8, size), rounded up, of RGB pixels (h, w, 3)."""
        return _described(self._maps(pixels[None]))[0].permute(1, 2, 0).cpu().numpy()

    def vectors(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the mean features (n, size) of RGB images (n, h, w, 3) of one size."""
        most = max(1, TOGETHER // (pixels.shape[1] * pixels.shape[2]))
        parts = [
            _described(self._maps(pixels[start : start + most])).mean(dim=(2, 3)).cpu().numpy()
            for start in range(0, len(pixels), most)
        ]
        return np.concatenate(parts)

    def maps(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """Return the maps (h / s, w / s, c) at strides s = 8, 16 and 32 of RGB pixels (h, w, 3).

        Height and width are multiples of 32.
        """
        with torch.inference_mode():
            maps = self._network(self._as_input(pixels[None]))
            return [each[0].permute(1, 2, 0).float().cpu().contiguous().numpy() for each in maps]

    def _as_input(self, pixels: NDArray[np.uint8]) -> Tensor:
        tensor = torch.from_numpy(pixels).to(self._device).permute(0, 3, 1, 2).float()
        return channels_last((tensor - 127) / 128)

    def _maps(self, pixels: NDArray[np.uint8]) -> Tensor:
        """Return the joined maps (n, c, rows, columns) of RGB images (n, h, w, 3)."""
        height, width = pixels.shape[1:3]
        pad = [(0, -side % COARSEST) for side in (height, width)]
        padded = np.pad(pixels, [(0, 0), *pad, (0, 0)], mode="symmetric")
        with torch.inference_mode():
            joined = _joined(self._network(self._as_input(padded)))
        return joined[:, :, : -(-height // CELL), : -(-width // CELL)]


def _joined(maps: Sequence[Tensor]) -> Tensor:
    """Return maps (n, c, h / s, w / s) of growing stride s on the grid of the first."""
    fine, *coarse = maps
    size = fine.shape[2:]
    return torch.cat([fine, *(functional.interpolate(each, size, mode="bilinear") for each in coarse)], dim=1)


def _described(maps: Tensor) -> Tensor:
    """Return maps (n, c, rows, columns) joined with their means over two neighbourhoods of each cell."""
    with torch.inference_mode():
        return torch.cat([maps, *(_means(maps, side) for side in SURROUNDINGS)], dim=1)


def _means(maps: Tensor, side: int) -> Tensor:
    """Return the mean over the square of ``side`` cells around each cell, clipped at the border."""
    for kernel in ((side, 1), (1, side)):
        padding = (kernel[0] // 2, kernel[1] // 2)
        maps = functional.avg_pool2d(maps, kernel, 1, padding, count_include_pad=False)
    return maps
