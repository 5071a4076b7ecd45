"""Edge-preserving refinement of maps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

Floats = NDArray[np.float32]


def follow_edges(shares: Floats, pixels: NDArray[np.uint8], radius: int, smooth: float = 1e-3) -> Floats:
    """Return shares (k, h, w) refined so that they change at edges of the luminance of RGB pixels (h, w, 3).

    He et al., Guided image filtering, ECCV (2010): around each pixel, within ``radius``, the shares are a
    linear function of the luminance 0..1; ``smooth`` is the variance of luminance below which they are
    averaged. Shares stay within 0..1 and sum to one.
    """
    side = 2 * radius + 1
    guide = pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], dtype=np.float32) / 255
    mean = uniform_filter(guide, side)
    variance = uniform_filter(guide * guide, side) - mean * mean
    refined = np.empty_like(shares)
    for layer, share in enumerate(shares):
        middle = uniform_filter(share, side)
        slope = (uniform_filter(guide * share, side) - mean * middle) / (variance + smooth)
        offset = middle - slope * mean
        refined[layer] = uniform_filter(slope, side) * guide + uniform_filter(offset, side)
    refined = np.clip(refined, 0, 1)
    total: Floats = refined / np.maximum(refined.sum(axis=0), 1e-6)
    return total
