"""Colour measures that tissue and quality detection share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def hue_saturation_value(
    pixels: NDArray[np.uint8],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return hue in degrees 0..360, saturation and value 0..1, each float32 of shape (h, w)."""
    # Plane by plane, and pairs of planes: reductions along the short last axis take ten times as long.
    red, green, blue = (pixels[..., k].astype(np.float32) / np.float32(255) for k in range(3))
    value = np.maximum(np.maximum(red, green), blue)
    chroma = value - np.minimum(np.minimum(red, green), blue)
    safe = np.where(chroma > 0, chroma, np.float32(1))
    warm = (green - blue) / safe
    hue = np.where(
        value == red,
        np.where(warm < 0, warm + 6, warm),
        np.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    hue = np.where(chroma > 0, hue * 60, np.float32(0)).astype(np.float32)
    saturation = np.where(value > 0, chroma / np.where(value > 0, value, 1), 0).astype(np.float32)
    return hue, saturation, value


def pen_pixels(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return a mask (h, w) of marker ink: green, cyan, blue, black, and pure red.

    Haematoxylin and eosin lie between violet (about 240 degrees) and pink (about 350): green is
    never the brightest channel of stained tissue, strong blue below 235 degrees is no
    haematoxylin, and blood is never as pure as red ink.
    """
    hue, saturation, value = hue_saturation_value(pixels)
    green = (hue > 65) & (hue < 200) & (saturation > 0.18)  # noqa: PLR2004 - bands named above
    blue = (hue >= 200) & (hue < 235) & (saturation > 0.4)  # noqa: PLR2004
    red = ((hue > 352) | (hue < 15)) & (saturation > 0.82) & (value > 0.5)  # noqa: PLR2004
    black = (value < 0.22) & (saturation < 0.35)  # noqa: PLR2004
    return green | blue | red | black
