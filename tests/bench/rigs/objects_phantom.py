"""Millions of roundish polygons of 20 vertices on one slide, in clusters and between them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from ml.objectset import FlatObjects, ObjectSetWriter

WIDTH, HEIGHT = 100_000, 80_000
LABELS = ("tumour", "stroma", "lymphocyte", "necrosis", "other")
VERTICES = 20
BATCH = 65_536
CLUSTERS = 40
# Sides of the squares that are asked for: a screen near by, and one from far away.
NEAR, FAR = 512, 8192


def batches(count: int, seed: int = 0) -> Iterator[pa.RecordBatch]:
    """Yield GeoArrow record batches: half of the objects in dense clusters, half anywhere."""
    random = np.random.default_rng(seed)
    clusters = random.uniform((8000, 8000), (WIDTH - 8000, HEIGHT - 8000), (CLUSTERS, 2))
    for start in range(0, count, BATCH):
        size = min(BATCH, count - start)
        outlines = _outlines(random, _places(random, clusters, size))
        closed = np.concatenate([outlines, outlines[:, :1]], axis=1).reshape(-1)
        points = pa.FixedSizeListArray.from_arrays(pa.array(closed), 2)
        rings = pa.ListArray.from_arrays(
            pa.array(np.arange(size + 1, dtype=np.int32) * (VERTICES + 1)), points
        )
        shapes = pa.ListArray.from_arrays(pa.array(np.arange(size + 1, dtype=np.int32)), rings)
        numbers = random.random((2, size), dtype=np.float32)
        label = random.choice(len(LABELS), size, p=(0.4, 0.3, 0.15, 0.1, 0.05)).astype(np.uint16)
        yield pa.record_batch(
            {"geometry": shapes, "label": label, "score": numbers[0], "uncertainty": numbers[1]}
        )


def _places(random: np.random.Generator, clusters: np.ndarray, size: int) -> np.ndarray:
    anywhere = random.uniform((50, 50), (WIDTH - 50, HEIGHT - 50), (size, 2))
    near = clusters[random.integers(0, CLUSTERS, size)] + 2000 * random.standard_normal((size, 2))
    near = np.clip(near, 50, (WIDTH - 50, HEIGHT - 50))
    return np.where(random.random((size, 1)) < 0.5, near, anywhere).astype(np.float32)


def _outlines(random: np.random.Generator, places: np.ndarray) -> np.ndarray:
    size = len(places)
    angle = np.arange(VERTICES, dtype=np.float32) * np.float32(2 * np.pi / VERTICES)
    radius = 3 + random.gamma(9, 1, (size, 1)).astype(np.float32)
    radii = radius * np.clip(1 + 0.12 * random.standard_normal((size, VERTICES), dtype=np.float32), 0.5, 1.5)
    return places[:, None] + np.stack([radii * np.cos(angle), radii * np.sin(angle)], axis=-1)


def random_windows(side: int, count: int = 300) -> list[tuple[int, int]]:
    """Return the corners of squares of a size, on its grid."""
    places = np.random.default_rng(1).integers(0, (WIDTH // side, HEIGHT // side), (count, 2)) * side
    return [(int(x), int(y)) for x, y in places]


def write_phantom(folder: Path, count: int) -> None:
    """Write an object set of so many objects for the measurements."""
    with ObjectSetWriter(folder, LABELS, WIDTH, HEIGHT) as writer:
        for batch in batches(count):
            writer.append(FlatObjects.from_arrow(batch))
