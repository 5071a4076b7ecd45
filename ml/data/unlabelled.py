"""Unlabelled tiles to learn from: all images, and tissue drawn from all slides."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Context, DataError, Dataset
from ml.data.folders.images import read_image
from ml.data.patches import part_of
from ml.data.squares import Squares, read_patches
from ml.messages import Message
from ml.slides import open_slide, tissue_mask
from ml.slides.grid import GridSettings, grid_of
from ml.slides.resolution import opened_square

PARTS = ("train", "validation")
LEAST = 8
MOSTLY = 0.5


class TileSettings(GridSettings, Protocol):
    """Settings of the tiles that are drawn."""

    @property
    def pixels(self) -> int:
        """Side to which a tile is reduced, px."""
        ...

    @property
    def tiles(self) -> int:
        """Largest number of tiles."""
        ...


def unlabelled_tiles(dataset: Dataset, config: TileSettings, context: Context) -> NDArray[np.uint8]:
    """Return RGB (n, pixels, pixels, 3), at most ``config.tiles``, outside the test part.

    Raises DataError(``too_few_tiles``).
    """
    random = np.random.default_rng(context.seed)
    images = [image for image in dataset.images if part_of(dataset, image.case) in PARTS]
    slides = [slide for slide in dataset.slides if part_of(dataset, slide.case) in PARTS]
    chosen = sorted(random.permutation(len(images))[: config.tiles])
    blocks = [read_image(images[i].path, config.pixels)[None] for i in chosen]
    each = max(1, (config.tiles - len(blocks)) // max(1, len(slides)))
    for number, slide in enumerate(slides):
        context.report(
            0.0,
            Message(
                "reading_tissue",
                number=number + 1,
                total=len(slides),
            ),
        )
        with opened_square(open_slide, slide) as (reader, _):
            tissue = tissue_mask(reader)
            grid = grid_of(
                reader,
                patch=config.patch,
                stride=config.stride,
                mpp=config.mpp,
                tissue=tissue,
                min_tissue=MOSTLY,
            )
            some = np.sort(random.permutation(len(grid))[:each])
            corners = np.rint(grid.corners()[some, :2]).astype(np.int64)
            squares = Squares(corners, max(1, round(grid.size)))
            drawn = np.empty((len(squares), config.pixels, config.pixels, 3), dtype=np.uint8)
            for which, pixels in read_patches(reader, squares, config.pixels, workers=context.workers):
                drawn[which] = pixels
            blocks.append(drawn)
    tiles = np.concatenate(blocks) if blocks else np.empty((0, config.pixels, config.pixels, 3), np.uint8)
    if len(tiles) < LEAST:
        message = Message(
            "too_few_tiles",
            count=len(tiles),
            least=LEAST,
        )
        raise DataError(message)
    return tiles


def tiles_identity(settings: Any, tiles: NDArray[np.uint8]) -> str:
    """Return a SHA-256 over tiles and training settings, given as JSON values."""
    total = hashlib.sha256(np.ascontiguousarray(tiles).tobytes())
    total.update(json.dumps(settings, sort_keys=True).encode())
    return total.hexdigest()
