"""Small drawn images for the tests of recipes of patches."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ml.contracts import Dataset, LabelledImage


def drawn(folder, draw, labels, per_class=24, side=32, seed=0):
    """Return images by ``draw(label number, random)``, split 3:1:2, each a case of its own."""
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    images, parts = [], {}
    for number, label in enumerate(labels):
        for count in range(per_class):
            path = folder / f"{number}-{count}.png"
            Image.fromarray(draw(number, random)).save(path)
            case = f"{label}-{count}"
            images.append(LabelledImage(path, case, label))
            parts[case] = ("train", "train", "train", "validation", "test", "test")[count % 6]
    return Dataset(tuple(labels), images=tuple(images), parts=parts)


def stripes(number, random, side=32):
    """Return horizontal or vertical stripes on noise, which no colour distinguishes."""
    wave = (np.arange(side) // 4 % 2) * 90
    field = wave[:, None] if number % 2 else wave[None, :]
    noise = random.integers(0, 60, (side, side, 3))
    return np.clip(field[..., None] + noise + 60, 0, 255).astype(np.uint8)


def shades(number, random, side=32):
    """Return one brightness per class, with noise."""
    noise = random.integers(-30, 30, (side, side, 3))
    return np.clip(60 + 60 * number + noise, 0, 255).astype(np.uint8)


def same_weights(first, second, folder):
    """Return whether two fitted recipes save the same bytes."""
    for name, recipe in (("one", first), ("two", second)):
        recipe.save(folder / name)
    one, two = (sorted(p for p in (folder / name).rglob("*") if p.is_file()) for name in ("one", "two"))
    return [p.read_bytes() for p in one] == [p.read_bytes() for p in two]
