"""Crops of a phantom with their nuclei: as numbered pixels, and as masks of black and white."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import shapely
from PIL import Image, ImageDraw

from ml.contracts import Bounds
from ml.slides.phantom import PhantomTruth, truth_of
from ml.slides.phantom.drawing import Drawing

SIDE, SEED, MPP = 6_000, 5, 0.3
WHITE = 255
# Nuclei whose centre is outside a crop may reach into it.
REACH = 40


def write_nuclei(folder: Path) -> None:
    """Write 40 crops with numbered nuclei (``dsb2018``) and 16 with masks (``nuinsseg``)."""
    truth = truth_of(SIDE, SIDE, SEED, MPP)
    drawing = Drawing(truth.layout)
    for number, (image, instances) in enumerate(crops(truth, drawing, 320, 256, columns=8, rows=5)):
        _, ordered = np.unique(instances, return_inverse=True)
        numbered = ordered.reshape(instances.shape).astype(np.uint16)
        save(folder / "dsb2018" / "images" / f"{number:012x}.png", Image.fromarray(image).convert("RGBA"))
        save(folder / "dsb2018" / "labels" / f"{number:012x}.png", Image.fromarray(numbered))
    for number, (image, instances) in enumerate(crops(truth, drawing, 512, 512, columns=4, rows=4), start=1):
        mask = np.where(instances > 0, WHITE, 0).astype(np.uint8)
        save(folder / "nuinsseg" / "images" / f"{number}.png", Image.fromarray(image))
        save(folder / "nuinsseg" / "masks" / f"{number}.png", Image.fromarray(mask))


def crops(
    truth: PhantomTruth, drawing: Drawing, width: int, height: int, *, columns: int, rows: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield neighbouring crops from the middle: RGB uint8 and the number of the nucleus on each pixel."""
    size = (columns * width, rows * height)
    area = Bounds((SIDE - size[0]) // 2, (SIDE - size[1]) // 2, *size)
    pixels = drawing.draw(area)
    around = Bounds(area.x - REACH, area.y - REACH, size[0] + 2 * REACH, size[1] + 2 * REACH)
    image = Image.new("I", size, 0)
    pen = ImageDraw.Draw(image)
    for number, (_, shape) in enumerate(truth.nuclei(around), start=1):
        ring = shapely.get_coordinates(shape.exterior) - (area.x + 0.5, area.y + 0.5)
        pen.polygon(ring.ravel().tolist(), fill=number)
    numbers = np.asarray(image)
    for y in range(0, size[1], height):
        for x in range(0, size[0], width):
            yield pixels[y : y + height, x : x + width], numbers[y : y + height, x : x + width]


def save(path: Path, picture: Image.Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, compress_level=1)
