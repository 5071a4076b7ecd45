"""Sharpness of an image, by filters modelled on the human visual system.

FQPath: Hosseini et al., IEEE Transactions on Medical Imaging 39(1):62 (2019). The steps are theirs; the
kernel is ours: even derivatives of a Gaussian, weighed so that together they undo the blur of a Gaussian
lens.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

HALF = 16
WIDTH, SHAPE = 2.0, 1.5
BINS = 50
CUMULATED = 0.95
ORDERS = 4
BLUR = 1.2
Plane = NDArray[np.float64]


@cache
def low_pass() -> tuple[float, ...]:
    """Return a generalised Gaussian of half-length 16, alpha 2, beta 1.5."""
    x = np.arange(-HALF, HALF + 1)
    values = np.exp(-((np.abs(x) / WIDTH) ** SHAPE))
    return tuple((values / values.sum()).tolist())


@cache
def high_pass() -> tuple[float, ...]:
    """Return the sum of even derivatives 2 to 8 of a unit Gaussian that best sharpens a Gaussian blur.

    In frequency the derivative of order 2n of a Gaussian is (-w²)^n exp(-w²/2); weights are least squares
    against exp(w² s²/2) - 1, which is what a blur of s takes away, faded out above where noise rules.
    """
    w = np.linspace(0.0, np.pi, 200)
    fade = np.exp(-((w / 1.8) ** 8))
    basis = np.stack([(-(w**2)) ** n * np.exp(-(w**2) / 2) for n in range(1, ORDERS + 1)], axis=1)
    target = (np.exp(np.minimum(w**2 * BLUR**2 / 2, 6)) - 1) * fade
    weights = np.linalg.lstsq(basis, target, rcond=None)[0]
    x = np.arange(-HALF, HALF + 1)
    # Back from frequency by a cosine sum, since all parts are even.
    response = (basis @ weights)[:, None] * np.cos(w[:, None] * x)
    values = np.trapezoid(response, w, axis=0) / np.pi
    return tuple((values - values.mean()).tolist())


def blur_score(pixels: NDArray[np.uint8]) -> float:
    """Return the blur of an RGB patch (h, w, 3): higher is blurrier; NaN for a constant patch."""
    gray = (pixels.astype(np.float64) @ np.array([0.299, 0.587, 0.114])) / 255
    across = [
        ndimage.convolve1d(
            ndimage.convolve1d(gray, low_pass(), axis=1 - axis, mode="reflect"),
            high_pass(),
            axis=axis,
            mode="reflect",
        )
        for axis in (0, 1)
    ]
    down, side = across
    both = (down > 0) & (side > 0)
    if not both.any() or np.ptp(gray) < 1 / 255:
        return float("nan")
    first, second = down[both], side[both]
    feature = np.sort((np.sqrt(first) + np.sqrt(second)) ** 2)[::-1]
    kept = feature[: max(8, round(_share(np.concatenate([first, second])) * gray.size))]
    moment = float(((kept - kept.mean()) ** 4).mean())
    return -float(np.log10(max(moment, 1e-30)))


def _share(response: Plane) -> float:
    """Return the share of the pixels to use, from how early the histogram of responses saturates."""
    counts, edges = np.histogram(np.abs(response), BINS)
    cumulated = counts.cumsum() / counts.sum()
    place = int(np.searchsorted(cumulated, CUMULATED))
    spread = float(edges[place + 1] / max(edges[-1], 1e-12))
    return float((1 - np.tanh(60 * (spread - 0.095))) / 4 + 0.09)


def laplacian_variance(pixels: NDArray[np.uint8]) -> float:
    """Return the variance of the Laplacian of an RGB patch (h, w, 3): higher is sharper."""
    gray = pixels.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    return float(ndimage.laplace(gray).var())


def tenengrad(pixels: NDArray[np.uint8]) -> float:
    """Return the mean square of Sobel gradients of an RGB patch (h, w, 3): higher is sharper."""
    gray = pixels.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    return float((ndimage.sobel(gray, 0) ** 2 + ndimage.sobel(gray, 1) ** 2).mean())


def high_share(pixels: NDArray[np.uint8]) -> float:
    """Return the share of spectral energy above a quarter of the sampling rate: higher is sharper."""
    gray = pixels.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    power = np.abs(np.fft.rfft2(gray - gray.mean())) ** 2
    far = np.hypot(np.fft.fftfreq(gray.shape[0])[:, None], np.fft.rfftfreq(gray.shape[1])[None])
    return float(power[far > 0.25].sum() / max(power.sum(), 1e-12))  # noqa: PLR2004 - named above
