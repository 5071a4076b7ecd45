"""Simulated fluorescence with labels visible in the second channel alone."""

from __future__ import annotations

import json

import numpy as np
import tifffile
from scipy import ndimage

NAMES = ("DAPI", "CD3")
LABELS = ("rest", "t-cells")
BLOCK = 128
ACROSS = 8


def fluorescence(positive, random):
    """Return (2, side, side) uint16: nuclei anywhere in the first, signal where ``positive`` in the second.

    ``positive`` is bool (side, side).
    """
    side = positive.shape[0]
    planes = random.normal(150, 20, (2, side, side))
    for plane, strength, where in ((0, 5000, np.ones_like(positive)), (1, 900, positive)):
        seeds = (random.random((side, side)) < 0.004) & where
        planes[plane] += strength * np.minimum(ndimage.gaussian_filter(seeds.astype(float), 2) * 25, 1)
    return np.clip(planes, 0, 65535).astype(np.uint16)


def write_channels(path, planes, names=NAMES):
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"axes": "CYX", "Channel": {"Name": list(names)}}
    tile = (128, 128) if planes.shape[1] >= 128 else None
    tifffile.imwrite(path, planes, ome=True, tile=tile, photometric="minisblack", metadata=metadata)


def write_tiles(folder, count=24, side=64, seed=0):
    """Write a folder for each label with ``count`` tiles."""
    random = np.random.default_rng(seed)
    for number in range(count):
        for label in LABELS:
            positive = np.full((side, side), label == LABELS[1])
            write_channels(folder / label / f"{number}.tif", fluorescence(positive, random))


def write_blocks(path, seed=0):
    """Write a slide of 8 x 8 blocks; return which of them (8, 8) are positive."""
    random = np.random.default_rng(seed)
    positive = (np.add.outer(np.arange(ACROSS), np.arange(ACROSS)) + seed) % 2 > 0
    write_channels(path, fluorescence(np.kron(positive, np.ones((BLOCK, BLOCK))) > 0, random))
    return positive


def square_of(row, column, margin=4):
    """Return the outline of a block, a little inside it."""
    left, top = column * BLOCK + margin, row * BLOCK + margin
    right, bottom = left + BLOCK - 2 * margin, top + BLOCK - 2 * margin
    return [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]


def write_truth(path, positive):
    """Write the blocks of a slide as GeoJSON with QuPath's classifications."""
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Polygon", "coordinates": [square_of(row, column)]},
            "properties": {"classification": {"name": LABELS[int(positive[row, column])]}},
        }
        for row in range(ACROSS)
        for column in range(ACROSS)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
