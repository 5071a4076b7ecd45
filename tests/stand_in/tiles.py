"""Tiles of three classes of tissue, cut from one kind of tissue of a phantom each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import shapely
from PIL import Image
from shapely.geometry.base import BaseGeometry

from ml.contracts import Bounds
from ml.slides.phantom import PhantomTruth, truth_of
from ml.slides.phantom.drawing import Drawing

SIDE = 224
COLUMNS, ROWS = 10, 8
PLAN = 24_000


def tumour_of(truth: PhantomTruth) -> BaseGeometry:
    return shapely.union_all([shape for name, shape in truth.regions if name == "tumour"])


def stroma_of(truth: PhantomTruth) -> BaseGeometry:
    return shapely.union_all([shape for name, shape in truth.regions if name == "stroma"])


# Class of the tiles: seed of the phantom, µm per pixel, its tissue.
CLASSES: dict[str, tuple[int, float, Callable[[PhantomTruth], BaseGeometry]]] = {
    "adenocarcinoma": (11, 0.5, tumour_of),
    "normal": (11, 0.5, stroma_of),
    "serrated": (12, 0.3, tumour_of),
}


def write_tiles(folder: Path) -> dict[str, list[np.ndarray]]:
    """Write the tiles of each class as JPEG; return their pixels (224, 224, 3) uint8 by class."""
    pools = {}
    for name, (seed, mpp, tissue_of) in CLASSES.items():
        pools[name] = tissue_tiles(seed, mpp, tissue_of)
        (folder / name).mkdir(parents=True)
        for number, tile in enumerate(pools[name]):
            Image.fromarray(tile).save(folder / name / f"{number:04}.jpg", quality=95)
    return pools


def tissue_tiles(
    seed: int, mpp: float, tissue_of: Callable[[PhantomTruth], BaseGeometry]
) -> list[np.ndarray]:
    """Return tiles from a rectangle within one tissue of a phantom, apart from its artefacts."""
    truth = truth_of(PLAN, PLAN, seed, mpp)
    artefacts = shapely.union_all([shape.buffer(SIDE) for _, shape in truth.artefacts])
    bounds = free_rectangle(tissue_of(truth).difference(artefacts), COLUMNS * SIDE, ROWS * SIDE)
    pixels = Drawing(truth.layout).draw(bounds)
    tiles = pixels.reshape(ROWS, SIDE, COLUMNS, SIDE, 3).transpose(0, 2, 1, 3, 4)
    return [np.ascontiguousarray(tile) for tile in tiles.reshape(-1, SIDE, SIDE, 3)]


def free_rectangle(area: BaseGeometry, width: int, height: int) -> Bounds:
    """Return the first rectangle of a coarse grid that ``area`` contains."""
    left, top, right, bottom = (int(value) for value in area.bounds)
    shapely.prepare(area)
    for y in range(top, bottom - height, SIDE):
        for x in range(left, right - width, SIDE):
            if area.contains(shapely.box(x, y, x + width, y + height)):
                return Bounds(x, y, width, height)
    message = f"no rectangle of {width} x {height} pixels is within the tissue"
    raise ValueError(message)
