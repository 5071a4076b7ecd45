"""Several predictions of the same items: their mean and their spread."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.data.variation.patches import SYMMETRIES, turn_views, vary_stain
from ml.inference.entropy import entropy_share

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]
KINDS: Final = ("entropy", "mutual information", "deviation")
LEAST = 1e-12


class Change(Protocol):
    """A function that changes pixels (..., side, side, 3) without changing their label."""

    def __call__(self, pixels: Bytes) -> Bytes:
        """Return pixels of the same shape."""
        ...


@dataclass(frozen=True, slots=True)
class Spread:
    """Spread of m predictions of n items: ``mean`` (n, k), ``deviation`` (n, k) over the predictions.

    ``entropy`` (n,) is that of the mean, ``mutual_information`` (n,) what of it is disagreement, in nats.
    """

    mean: Floats
    deviation: Floats
    entropy: Floats
    mutual_information: Floats

    def uncertainty(self, kind: str) -> NDArray[np.float32]:
        """Return (n,) in 0..1: a share of the greatest entropy, or twice the likeliest class's deviation."""
        classes = self.mean.shape[1]
        if kind == "entropy":
            return entropy_share(self.mean)
        if kind == "mutual information":
            uncertainty = self.mutual_information / np.log(max(2, classes))
        else:
            best = self.mean.argmax(axis=1)
            uncertainty = 2 * self.deviation[np.arange(len(best)), best]
        clipped: NDArray[np.float32] = np.clip(uncertainty, 0.0, 1.0).astype(np.float32)
        return clipped


def spread_of(answers: Floats) -> Spread:
    """Return the mean and spread of m predictions (m, n, k), whatever their order."""
    # Sorted, so that the same answers in another order have the same sum to the last bit.
    mean = np.sort(answers, axis=0).mean(axis=0)
    entropy = _entropy(mean)
    each = np.sort(_entropy(answers), axis=0).mean(axis=0)
    # A constant model has no deviation at all, not one of rounding.
    deviation = np.where(np.ptp(answers, axis=0) == 0, 0.0, np.sort(answers, axis=0).std(axis=0))
    return Spread(mean, deviation, entropy, np.maximum(entropy - each, 0.0))


def dihedral_changes() -> Iterator[Change]:
    """Yield the eight symmetries of the square, which need no interpolation."""
    for symmetry in range(SYMMETRIES):
        yield partial(turn_views, symmetry=symmetry)


def random_changes(count: int, seed: int, stain: float) -> Iterator[Change]:
    """Yield rotations by any angle, half of them mirrored, with stains varied by ``stain``."""
    for number in range(count):
        yield partial(_random_change, seed=(seed, number), stain=stain)


def _random_change(pixels: Bytes, seed: tuple[int, int], stain: float) -> Bytes:
    random = np.random.default_rng(seed)
    angle = float(random.uniform(0.0, 360.0))
    if random.random() < 0.5:  # noqa: PLR2004 - half of them
        pixels = pixels[..., ::-1, :]
    if stain:
        pixels = vary_stain(pixels, random, stain)
    turned: Bytes = ndimage.rotate(pixels, angle, axes=(-2, -3), reshape=False, order=1, mode="reflect")
    return turned


def _entropy(probability: Floats) -> Floats:
    entropy: Floats = -(probability * np.log(np.maximum(probability, LEAST))).sum(axis=-1)
    return entropy
