"""Random views of the same tile: crop, rotation, stain and blur."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ml.slides.stain_separation import MIX, UNMIX

DARKEST = 1 / 255


@dataclass(frozen=True, slots=True)
class Views:
    """Strengths of the random views.

    ``least`` is the smallest share of a tile's area that a view shows, ``stain`` the reach of the factor of
    each stain, ``blur`` the share of views that are blurred.
    """

    least: float = 0.4
    stain: float = 0.3
    blur: float = 0.3


def view_of(pixels: Tensor, how: Views) -> Tensor:
    """Return a random view of each tile (n, 3, side, side) in 0..1, by torch's generator."""
    return blurred(restained(cropped(pixels, how.least), how.stain), how.blur)


def cropped(pixels: Tensor, least: float) -> Tensor:
    """Return a crop of each tile, rotated by right angles or mirrored, at the size of the whole."""
    count = len(pixels)
    side = torch.sqrt(torch.empty(count).uniform_(least, 1.0))
    move = (torch.rand(count, 2) * 2 - 1) * (1 - side[:, None])
    turns = torch.randint(4, (count,)) * (math.pi / 2)
    mirror = torch.randint(2, (count,)) * 2.0 - 1
    cos, sin = turns.cos() * side, turns.sin() * side
    rows = [
        torch.stack([cos * mirror, -sin, move[:, 0]], dim=1),
        torch.stack([sin * mirror, cos, move[:, 1]], 1),
    ]
    grid = functional.affine_grid(torch.stack(rows, dim=1), list(pixels.shape), align_corners=False)
    return functional.grid_sample(
        pixels, grid.to(pixels.device), padding_mode="reflection", align_corners=False
    )


def restained(pixels: Tensor, reach: float) -> Tensor:
    """Return tiles with the concentration of each stain scaled and shifted a little."""
    unmix, mix = torch.from_numpy(UNMIX).to(pixels), torch.from_numpy(MIX).to(pixels)
    density = -torch.log10(pixels.clamp(min=DARKEST)).movedim(1, -1)
    factor = torch.empty(len(pixels), 1, 1, 3).uniform_(1 - reach, 1 + reach).to(pixels)
    shift = torch.empty(len(pixels), 1, 1, 3).uniform_(-reach / 10, reach / 10).to(pixels)
    changed = (density @ unmix * factor + shift) @ mix
    return torch.pow(10.0, -changed).clamp(0, 1).movedim(-1, 1)


def blurred(pixels: Tensor, share: float) -> Tensor:
    """Return tiles, a share of them smoothed over 3 x 3 pixels."""
    chosen = (torch.rand(len(pixels), 1, 1, 1) < share).to(pixels.device)
    framed = functional.pad(pixels, (1, 1, 1, 1), mode="replicate")
    return torch.where(chosen, functional.avg_pool2d(framed, 3, stride=1), pixels)
