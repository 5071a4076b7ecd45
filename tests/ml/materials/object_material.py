"""Small drawn images for the tests of recipes that detect or outline objects."""

from __future__ import annotations

import numpy as np
from PIL import Image
from skimage.draw import disk

from ml.contracts import Dataset, LabelledImage


def draw_discs(folder):
    """Return pink images with dark discs of one size, some touching, and their instance numbers."""
    random = np.random.default_rng(2)
    (folder / "images").mkdir()
    (folder / "labels").mkdir()
    images, parts = [], {}
    for number in range(14):
        truth = np.zeros((96, 96), np.int32)
        for count in range(1, 9):
            centre = random.integers(8, 88, 2)
            rows, columns = disk(centre, 7, shape=truth.shape)
            if not truth[rows, columns].any():
                truth[rows, columns] = count
        pixels = np.where(truth[..., None] > 0, (110, 80, 150), (230, 190, 215))
        pixels = (pixels + random.normal(0, 8, pixels.shape)).clip(0, 255).astype(np.uint8)
        place = folder / "images" / f"{number}.png", folder / "labels" / f"{number}.png"
        Image.fromarray(pixels).save(place[0])
        Image.fromarray(truth.astype(np.uint8)).save(place[1])
        images.append(LabelledImage(place[0], str(number), mask=place[1]))
        parts[str(number)] = "test" if number >= 10 else "validation" if number >= 8 else "train"
    return Dataset(("nucleus",), images=tuple(images), parts=parts)


def draw_spots(folder, *, outlined=("validation", "test")):
    """Return pink tiles with labels, half of them with a dark disc, which is outlined in some parts."""
    random = np.random.default_rng(4)
    images, parts = [], {}
    y, x = np.indices((64, 64))
    for number in range(40):
        holds, part = number % 2 == 0, "test" if number >= 32 else "validation" if number >= 26 else "train"
        pixels = random.normal((225, 180, 205), 12, (64, 64, 3))
        centre, radius = random.integers(14, 50, 2), random.integers(7, 13)
        disc = (np.hypot(y - centre[0], x - centre[1]) < radius) & holds
        pixels[disc] -= (110, 90, 60)
        path = folder / f"{number}.png"
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
        mask = None
        if part in outlined:
            mask = folder / f"{number}-mask.png"
            Image.fromarray(disc.astype(np.uint8) * 255).save(mask)
        images.append(LabelledImage(path, str(number), "disc" if holds else "clean", mask))
        parts[str(number)] = part
    return Dataset(("disc", "clean"), images=tuple(images), parts=parts)
