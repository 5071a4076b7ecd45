"""Overview levels near the whole slide, drawn once at import, as each of their tiles reads much of the file.

They are kept beside the manifest as ``overview/{z}.{x}.{y}.jpg``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from server.slides.tiles.pyramid import Level, Pyramid

OVERVIEW_FOLDER: Final = "overview"
# A level of so many tiles is always drawn; one of more when it cannot be made quickly from stored JPEGs.
_FEW_TILES: Final = 64
_MOST_TILES: Final = 256

Draw = Callable[[int, int, int], NDArray[np.uint8]]
Encode = Callable[[NDArray[np.uint8]], bytes]


def overview_name(z: int, x: int, y: int) -> str:
    """Return the name of a tile's file inside the overview folder."""
    return f"{z}.{x}.{y}.jpg"


def overview_level(pyramid: Pyramid, quick: Callable[[int], bool]) -> int:
    """Return the finest level to draw at import, -1 for none; never the full resolution.

    ``quick`` says of a level whether its tiles are made from stored JPEG tiles.
    """
    for level in reversed(pyramid.levels[:-1]):
        count = level.columns * level.rows
        if count <= _FEW_TILES or (count <= _MOST_TILES and not quick(level.z)):
            return level.z
    return -1


def write_overview(folder: Path, pyramid: Pyramid, finest: int, draw: Draw, encode: Encode) -> None:
    """Draw the tiles of the level ``finest`` and compute those above from them, halved by area."""
    if finest < 0:
        return
    folder.mkdir(parents=True, exist_ok=True)
    level = pyramid.levels[finest]
    picture = np.full((level.height, level.width, 3), 255, np.uint8)
    for y in range(level.rows):
        for x in range(level.columns):
            tile = draw(finest, x, y)
            top, left = y * pyramid.tile_size, x * pyramid.tile_size
            picture[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    for z in range(finest, -1, -1):
        level = pyramid.levels[z]
        if picture.shape[:2] != (level.height, level.width):
            # An odd last row or column stands for itself, as it does in the pyramid's sizes.
            picture = np.asarray(Image.fromarray(picture).reduce(2))
        _cut(folder, pyramid, level, picture, encode)


def _cut(folder: Path, pyramid: Pyramid, level: Level, picture: NDArray[np.uint8], encode: Encode) -> None:
    side = pyramid.tile_size
    for y in range(level.rows):
        for x in range(level.columns):
            tile = picture[y * side : (y + 1) * side, x * side : (x + 1) * side]
            (folder / overview_name(level.z, x, y)).write_bytes(encode(np.ascontiguousarray(tile)))
