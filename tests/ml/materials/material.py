"""Small real data sets for the tests of recipes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from shapely.geometry import box, shape

from ml.contracts import Bounds, Dataset, LabelledImage, LabelledShape, LabelledSlide

MOSAIC = (4480, 3584)
HALVES = {"left": box(0, 0, 2240, 3584), "right": box(2240, 0, 4480, 3584)}


def mosaic_halves(data: Path) -> Dataset:
    """The truth of the mosaic: its left half to train on, its right half to test."""
    truth = json.loads((data / "slides/colorectal-mosaic-truth.geojson").read_text())
    shapes = []
    for feature in truth["features"]:
        name = feature["properties"]["classification"]["name"]
        for unit, half in HALVES.items():
            piece = shape(feature["geometry"]).intersection(half)
            if piece.area:
                shapes.append(LabelledShape(piece, name, group=unit))
    slide = LabelledSlide(data / "slides/colorectal-mosaic.tif", "mosaic", "a" * 64, tuple(shapes))
    labels = tuple(sorted({str(item.label) for item in shapes}))
    parts = {"left": "train", "right": "test"}
    return Dataset(labels, slides=(slide,), parts=parts, split_by="region")


def tiles(data: Path, per_class: int, kinds: tuple[str, ...] = ("adenocarcinoma", "normal")) -> Dataset:
    """The first tiles of each class: every third one is for the test."""
    images = [
        LabelledImage(path, path.name, kind)
        for kind in kinds
        for path in sorted((data / "tiles/colorectal" / kind).iterdir())[:per_class]
    ]
    parts = {image.case: "test" if number % 3 == 0 else "train" for number, image in enumerate(images)}
    return Dataset(kinds, images=tuple(images), parts=parts)


class ReadsSquares:
    """Base of test readers: reads many squares by its own ``read``."""

    def read_squares(self, corners, side, pixels):
        boxes = [Bounds(int(x), int(y), side, side) for x, y in corners]
        return np.stack([self.read(bounds, (pixels, pixels)) for bounds in boxes])
