"""Features of single image files, kept under the hash of their content."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.data.folders.images import read_image
from ml.data.squares import BLOCK
from ml.features.encoder import Encoder
from ml.features.store import FeatureTable
from ml.messages import Message


def image_features(
    paths: Sequence[Path],
    encoder: Encoder,
    table: FeatureTable,
    report: Callable[[float, Message], None],
) -> NDArray[np.float32]:
    """Return (n, size) features of whole images, resized to what the encoder reads."""
    keys = np.array([_key(path) for path in paths], dtype=np.int64).reshape(-1, 2)
    values, have = table.find(keys)
    missing = np.flatnonzero(~have)
    for start in range(0, len(missing), BLOCK):
        block = missing[start : start + BLOCK]
        pixels = np.stack([read_image(paths[i], encoder.pixels) for i in block])
        values[block] = encoder.encode(pixels)
        report(
            0.9 * start / len(missing),
            Message("images_described", done=start, total=len(missing)),
        )
    _, first = np.unique(keys[missing], axis=0, return_index=True)
    table.add(keys[missing][first], values[missing][first])
    return values


def _key(path: Path) -> tuple[int, int]:
    """Return 63 bits of the content's hash, in the place of a patch's corner."""
    digest = int.from_bytes(hashlib.sha256(path.read_bytes()).digest()[:8])
    return digest >> 33, digest & 0xFFFFFFFF
