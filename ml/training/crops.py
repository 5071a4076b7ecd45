"""Random crops of labelled pixels for fully convolutional networks: rotated, scaled and restained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml.data.variation.patches import SYMMETRIES, turn, vary_gain, vary_stain

SCALES = (0.6, 1.5)
STRENGTH = 0.4
TINT = 0.12
Layers = list[NDArray[Any]]
Finish = Callable[[Layers], Layers]


@dataclass(frozen=True, slots=True)
class Material:
    """An image with the label layers of its pixels.

    ``pixels`` uint8 (h, w, 3), or (h, w, channels) where it is not in ``colour``; ``layers`` are arrays
    (h, w), the same for all materials of one recipe.
    """

    pixels: NDArray[np.uint8]
    layers: tuple[NDArray[Any], ...]
    colour: bool = True


def padded(
    pixels: NDArray[np.uint8], layers: Sequence[tuple[NDArray[Any], float | None]], side: int
) -> Material:
    """Return a material of at least ``side``: pixels padded by reflection, layers too or by a constant."""
    pad = [(0, max(0, side - n)) for n in pixels.shape[:2]]
    padded_layers = tuple(
        np.pad(layer, pad, mode="symmetric") if fill is None else np.pad(layer, pad, constant_values=fill)
        for layer, fill in layers
    )
    return Material(np.pad(pixels, [*pad, (0, 0)], mode="symmetric"), padded_layers)


def draw_crops(
    images: Sequence[Material],
    count: int,
    side: int,
    random: np.random.Generator,
    finish: Finish | None = None,
) -> tuple[Tensor, ...]:
    """Return (pixels, *layers) of random crops; ``finish`` converts a crop's layers to targets.

    Images are drawn by the square root of their area, so that a large one does not drown the rest.
    """
    areas = np.sqrt([float(image.pixels.shape[0] * image.pixels.shape[1]) for image in images])
    chosen = random.choice(len(images), count, p=areas / areas.sum())
    return as_batch([cut(images[number], None, side, random) for number in chosen], finish)


def cut(
    image: Material, anchor: tuple[int, int] | None, side: int, random: np.random.Generator
) -> tuple[NDArray[np.uint8], Layers]:
    """Return one crop of ``side``: around ``anchor`` (row, column) when given, anywhere without one."""
    height, width = image.pixels.shape[:2]
    taken = int(min(round(side * random.uniform(*SCALES)), height, width))
    top, left = (int(random.integers(n - taken + 1)) for n in (height, width))
    if anchor is not None:
        shift = random.integers(0, taken, 2)
        top = int(np.clip(anchor[0] - shift[0], 0, height - taken))
        left = int(np.clip(anchor[1] - shift[1], 0, width - taken))
    place = (slice(top, top + taken), slice(left, left + taken))
    rows = np.minimum(((np.arange(side) + 0.5) * taken / side).astype(np.intp), taken - 1)
    symmetry = int(random.integers(SYMMETRIES))
    pixels, *layers = (
        np.ascontiguousarray(turn(layer[place][np.ix_(rows, rows)], symmetry))
        for layer in (image.pixels, *image.layers)
    )
    plain = pixels.astype(np.uint8)
    if image.colour:
        return vary_stain(plain, random, STRENGTH, TINT), layers
    return vary_gain(plain, random, STRENGTH), layers


def as_batch(
    crops: Sequence[tuple[NDArray[np.uint8], Layers]], finish: Finish | None = None
) -> tuple[Tensor, ...]:
    """Return pixels float32 (n, channels, h, w) in 0..1 and each layer as (n, h, w), bytes as int64."""
    pixels = torch.from_numpy(np.stack([crop for crop, _ in crops])).permute(0, 3, 1, 2).float() / 255
    layers = [finish(crop_layers) if finish else crop_layers for _, crop_layers in crops]
    stacked = (torch.from_numpy(np.stack(column)) for column in zip(*layers, strict=True))
    return pixels, *(layer.long() if layer.dtype == torch.uint8 else layer for layer in stacked)
