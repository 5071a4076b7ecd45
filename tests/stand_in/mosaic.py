"""Pyramidal TIFF of tiles of two classes, without a resolution, and its truth as GeoJSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import shapely
import simplejpeg
import tifffile
from PIL import Image
from shapely.geometry import mapping

from tests.stand_in.tiles import SIDE

# One letter a tile: adenocarcinoma, normal, glass. Two tumours, one with two normal tiles inside.
PLAN = (
    "....................",
    ".......nnnnnn.......",
    ".....nnnnnnnnnn.....",
    "...nnnnnnnnnnnnnn...",
    "..nnnaaaannnnnnnnn..",
    ".nnnaaaaannnnnnnnnn.",
    ".nnnaaaaannnnnnnnnn.",
    ".nnnaaaaannaaaannnn.",
    ".nnnaaaannnaaaaannn.",
    ".nnnnnnnnnnaanaannn.",
    ".nnnnnnnnnnaaaaannn.",
    "..nnnnnnnnnanaaann..",
    "...nnnnnnnnaaaann...",
    ".....nnnnnnnnnn.....",
    ".......nnnnnn.......",
    "....................",
)
NAMES = {"a": "Adenocarcinoma", "n": "Normal colon"}
COLOURS = {"a": [180, 20, 40], "n": [20, 140, 60]}
REDUCTION = 4


def write_mosaic(folder: Path, tumour: list[np.ndarray], normal: list[np.ndarray]) -> None:
    """Write ``colorectal-mosaic.tif`` and ``colorectal-mosaic-truth.geojson``."""
    folder.mkdir(parents=True, exist_ok=True)
    pixels = np.full((len(PLAN) * SIDE, len(PLAN[0]) * SIDE, 3), 243, np.uint8)
    pools, used = {"a": tumour, "n": normal}, {"a": 0, "n": 0}
    for row, letters in enumerate(PLAN):
        for column, letter in enumerate(letters):
            if letter != ".":
                number, used[letter] = used[letter], used[letter] + 1
                tile = pools[letter][number % len(pools[letter])]
                y, x = row * SIDE, column * SIDE
                pixels[y : y + SIDE, x : x + SIDE] = np.rot90(tile, number // len(pools[letter]))
    with tifffile.TiffWriter(folder / "colorectal-mosaic.tif") as tiff:
        write_level(tiff, pixels, SIDE, reduced=False)
        small = Image.fromarray(pixels).reduce(REDUCTION)
        write_level(tiff, np.asarray(small), 256, reduced=True)
    (folder / "colorectal-mosaic-truth.geojson").write_text(json.dumps(truth()), encoding="utf-8")


def truth() -> dict[str, object]:
    """Return one feature for each connected area of tiles of one class."""
    features = []
    for letter, name in NAMES.items():
        boxes = [
            shapely.box(column * SIDE, row * SIDE, (column + 1) * SIDE, (row + 1) * SIDE)
            for row, letters in enumerate(PLAN)
            for column, one in enumerate(letters)
            if one == letter
        ]
        features += [
            {
                "type": "Feature",
                "id": f"{letter}{number}",
                "geometry": mapping(part),
                "properties": {
                    "objectType": "annotation",
                    "classification": {"name": name, "color": COLOURS[letter]},
                },
            }
            for number, part in enumerate(shapely.get_parts(shapely.union_all(boxes)))
        ]
    return {"type": "FeatureCollection", "features": features}


def write_level(tiff: tifffile.TiffWriter, pixels: np.ndarray, tile: int, *, reduced: bool) -> None:
    tiff.write(
        encoded_tiles(pixels, tile),
        shape=pixels.shape,
        dtype=np.uint8,
        photometric="ycbcr",
        subsampling=(2, 2),
        compression="jpeg",
        tile=(tile, tile),
        subfiletype=1 if reduced else 0,
        metadata=None,
    )


def encoded_tiles(pixels: np.ndarray, tile: int) -> Iterator[bytes]:
    """Yield the tiles row by row as JPEG, padded by the last pixel."""
    height, width = pixels.shape[:2]
    whole = np.pad(pixels, ((0, -height % tile), (0, -width % tile), (0, 0)), mode="edge")
    for y in range(0, height, tile):
        for x in range(0, width, tile):
            square = np.ascontiguousarray(whole[y : y + tile, x : x + tile])
            yield simplejpeg.encode_jpeg(square, quality=90, colorsubsampling="420")
