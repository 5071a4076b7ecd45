"""Deterministic randomness by place, so that any part of a slide can be drawn alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

_PLACE = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def chance(seed: int, stream: int, row: NDArray[np.int64], column: NDArray[np.int64]) -> Numbers:
    """Return a uniform number 0 <= u < 1 for each lattice cell, float64.

    ``stream`` separates the decisions taken about one cell. The finaliser is that of SplitMix64
    (Steele, Lea and Flood 2014).
    """
    key = np.uint64((seed * 0xD6E8FEB86659FD93 + stream * 0xA0761D6478BD642F) % (1 << 64))
    z = (row.astype(np.uint64) * _PLACE[0]) ^ (column.astype(np.uint64) * _PLACE[1]) ^ key
    for _ in range(2):
        z = (z ^ (z >> np.uint64(30))) * _MIX[0]
        z = (z ^ (z >> np.uint64(27))) * _MIX[1]
        z = z ^ (z >> np.uint64(31))
    result: Numbers = (z >> np.uint64(11)).astype(np.float64) / float(1 << 53)
    return result


@dataclass(frozen=True)
class Waves:
    """A smooth field over the plane: a sum of plane waves; all arrays float64 (k,)."""

    amplitude: Numbers
    kx: Numbers
    ky: Numbers
    phase: Numbers

    @classmethod
    def drawn(cls, rng: np.random.Generator, *, wavelength: float, height: float) -> Waves:
        """Return eight random waves around ``wavelength`` px whose sum has standard deviation ``height``."""
        count = 8
        angle = rng.uniform(0, 2 * np.pi, count)
        k = 2 * np.pi / (wavelength * rng.uniform(0.7, 1.6, count))
        amplitude = np.full(count, height * np.sqrt(2 / count))
        return cls(amplitude, k * np.cos(angle), k * np.sin(angle), rng.uniform(0, 2 * np.pi, count))

    def at(self, x: Numbers, y: Numbers) -> Numbers:
        """Return the field at points, float64 (n,)."""
        value = np.zeros(len(x))
        for a, kx, ky, phase in zip(self.amplitude, self.kx, self.ky, self.phase, strict=True):
            value += a * np.sin(kx * x + ky * y + phase)
        return value

    def slope(self, x: Numbers, y: Numbers) -> tuple[Numbers, Numbers]:
        """Return the field's derivatives by x and y at points, each float64 (n,)."""
        dx, dy = np.zeros(len(x)), np.zeros(len(x))
        for a, kx, ky, phase in zip(self.amplitude, self.kx, self.ky, self.phase, strict=True):
            cosine = a * np.cos(kx * x + ky * y + phase)
            dx += kx * cosine
            dy += ky * cosine
        return dx, dy

    def grid(self, x: Numbers, y: Numbers) -> NDArray[np.float32]:
        """Return the field on the grid of columns ``x`` and rows ``y`` as float32 (len(y), len(x)).

        A sine of a sum is two products, so a whole grid is one small matrix product.
        """
        across = np.outer(x, self.kx) + self.phase
        down = np.outer(y, self.ky)
        left = np.concatenate([np.cos(down), np.sin(down)], axis=1)
        right = np.concatenate([np.sin(across), np.cos(across)], axis=1) * np.tile(self.amplitude, 2)
        product: NDArray[np.float32] = left.astype(np.float32) @ right.astype(np.float32).T
        return product
