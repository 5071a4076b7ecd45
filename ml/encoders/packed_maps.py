"""Feature maps of one block of a slide, in four bits a value.

Each channel of each map is rounded to sixteen steps over three standard deviations around its mean in the
block. Two channels share a byte, the first in its lower half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

Floats = NDArray[np.float32]

# Cells per side of a block. A cell of the finest map is 8 pixels wide, of the others 16 and 32.
BLOCK: Final = 96
FACTORS: Final = (1, 2, 4)
# Coarse cells kept around a block, so that maps are interpolated across its border.
MARGINS: Final = (0, 1, 1)
WHOLE: Final = slice(0, BLOCK)
STEPS: Final = 15
REACH: Final = 3.0


def block_kind(widths: Sequence[int]) -> np.dtype[np.void]:
    """Return the type of a block in memory and on disk, for maps of these channels, each an even number."""
    fields: list[tuple[str, str, tuple[int, ...]]] = []
    for number, width in enumerate(widths):
        side = BLOCK // FACTORS[number] + 2 * MARGINS[number]
        fields += [(f"map{number}", "u1", (side, side, width // 2)), (f"scale{number}", "<f4", (2, width))]
    return np.dtype(fields)


def pack_maps(maps: Sequence[Floats]) -> NDArray[np.void]:
    """Return a block, 0-dimensional, of three maps (side, side, channels) with their margins."""
    block = np.zeros((), dtype=block_kind([each.shape[2] for each in maps]))
    for number, values in enumerate(maps):
        flat = values.reshape(-1, values.shape[2]).astype(np.float64)
        mean = flat.mean(axis=0)
        step = np.maximum(flat.std(axis=0), 1e-6) * (2 * REACH / STEPS)
        low = mean - step * (STEPS / 2)
        codes = np.clip(np.rint((values - low) / step), 0, STEPS).astype(np.uint8)
        block[f"map{number}"] = codes[:, :, ::2] | (codes[:, :, 1::2] << 4)
        block[f"scale{number}"] = low, step
    return block


@dataclass(frozen=True, slots=True)
class PackedMaps:
    """One block of ``pack_maps``, in memory or mapped from a file."""

    block: NDArray[np.void]

    def projected(self, matrix: Floats) -> Floats:
        """Return the joined maps times a matrix (channels, k), as (BLOCK, BLOCK, k).

        The matrix is applied to each map at its own resolution, which gives the same as to the joined maps.
        """
        total = np.zeros((BLOCK, BLOCK, matrix.shape[1]), dtype=np.float32)
        start = 0
        for number in range(len(FACTORS)):
            packed, (low, step) = self.block[f"map{number}"], self.block[f"scale{number}"]
            part = matrix[start : start + len(low)]
            start += len(low)
            weights = part * step[:, None]
            lower = (packed & STEPS).astype(np.float32) @ weights[::2]
            upper = (packed >> 4).astype(np.float32) @ weights[1::2]
            total += _finer(lower + upper + low @ part, number)
        return total

    def joined(self, rows: slice = WHOLE, columns: slice = WHOLE) -> Floats:
        """Return the maps joined on the grid of the finest, for rows and columns of its cells.

        Both begin and end at multiples of 4.
        """
        parts = []
        for number, (factor, margin) in enumerate(zip(FACTORS, MARGINS, strict=True)):
            ys, xs = (
                slice(each.start // factor, each.stop // factor + 2 * margin) for each in (rows, columns)
            )
            packed, (low, step) = self.block[f"map{number}"][ys, xs], self.block[f"scale{number}"]
            codes = np.empty((*packed.shape[:2], len(low)), dtype=np.float32)
            codes[:, :, ::2], codes[:, :, 1::2] = packed & STEPS, packed >> 4
            parts.append(_finer(codes * step + low, number))
        return np.concatenate(parts, axis=2)


def _finer(values: Floats, number: int) -> Floats:
    """Return a map (side, side, k) on the grid of the finest, without its margin."""
    factor, margin = FACTORS[number], MARGINS[number]
    if factor == 1:
        return values
    tensor: Tensor = torch.from_numpy(np.ascontiguousarray(values)).permute(2, 0, 1)[None]
    fine = functional.interpolate(tensor, scale_factor=factor, mode="bilinear")[0]
    edge = factor * margin
    return fine[:, edge:-edge, edge:-edge].permute(1, 2, 0).contiguous().numpy()
