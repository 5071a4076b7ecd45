"""Many small polygons for tests of object sets and for benchmarks: known numbers, no files."""

from __future__ import annotations

import numpy as np
import shapely

from ml.objectset import FlatObjects

VERTICES = 20


def outlines(count, width, height, seed):
    """Return (count, 20, 2) vertices of roundish shapes about 24 pixels wide, in the slide."""
    random = np.random.default_rng(seed)
    radius = 3 + random.gamma(9, 1, (count, 1)).astype(np.float32)
    radius = np.minimum(radius, min(width, height) / 4)
    angle = np.arange(VERTICES, dtype=np.float32) * np.float32(2 * np.pi / VERTICES)
    radii = radius * np.clip(1 + 0.12 * random.standard_normal((count, VERTICES), dtype=np.float32), 0.6, 1.4)
    margin = 1.5 * radius
    middle = margin[..., None] + random.random((count, 1, 2), dtype=np.float32) * (
        np.array([width, height], dtype=np.float32) - 2 * margin[..., None]
    )
    return middle + np.stack([radii * np.cos(angle), radii * np.sin(angle)], axis=-1)


def polygons(count, width, height, seed):
    """Return Shapely polygons."""
    return shapely.polygons(outlines(count, width, height, seed))


def flat_polygons(count, width, height, seed, labels=2):
    """Return the same as flat arrays, with random labels, scores and uncertainties."""
    random = np.random.default_rng(seed + 1)
    return FlatObjects(
        outlines(count, width, height, seed).reshape(-1, 2),
        np.arange(count + 1) * VERTICES,
        random.integers(0, labels, count).astype(np.uint16),
        random.random(count, dtype=np.float32),
        random.random(count, dtype=np.float32),
    )
