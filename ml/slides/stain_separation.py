"""Haematoxylin, eosin and residual from RGB: Ruifrok and Johnston, AQCH 23:291 (2001)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Rows: optical density of haematoxylin, eosin and DAB in red, green, blue.
STAINS = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]], dtype=np.float32)
UNMIX = np.linalg.inv(STAINS / np.linalg.norm(STAINS, axis=1, keepdims=True)).astype(np.float32)
MIX = np.linalg.inv(UNMIX).astype(np.float32)
# One entry per byte; zero is lifted to one so that black has a density.
DENSITY = (-np.log10(np.maximum(np.arange(256), 1) / 255.0)).astype(np.float32)


def separate_stains(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return (..., 3) float32 concentrations of haematoxylin, eosin, residual for RGB bytes."""
    concentrations: NDArray[np.float32] = DENSITY[pixels] @ UNMIX
    return concentrations


def join_stains(concentrations: NDArray[np.float32], mix: NDArray[np.float32] = MIX) -> NDArray[np.uint8]:
    """Return RGB bytes for (..., 3) concentrations of stains whose densities are the rows of ``mix``.

    With the usual stains this is the inverse of ``separate_stains``.
    """
    light = np.power(np.float32(10.0), -(concentrations @ mix)) * 255.0
    pixels: NDArray[np.uint8] = np.clip(np.rint(light), 0, 255).astype(np.uint8)
    return pixels
