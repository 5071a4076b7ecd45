"""Small slides and bags for the tests of recipes that classify whole slides."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

from ml.data.bags import Bag

TILE = 32


def bags(count: int, seed: int = 0, tiles: int = 20, size: int = 6, shift: float = 5.0) -> list[Bag]:
    """Return bags of two alternating labels: in those of label 1 two neighbouring tiles are shifted."""
    random = np.random.default_rng(seed)
    made = []
    for number in range(count):
        features = random.normal(size=(tiles, size)).astype(np.float32)
        label = number % 2
        if label:
            features[4:6, :2] += shift
        places = np.stack(np.divmod(np.arange(tiles), 5), axis=1).astype(np.int32)
        clinical = {"age": 50.0 + number % 3, "sex": "fm"[number % 4 > 1]}
        made.append(Bag(features, places, label, f"case-{number}", clinical))
    return made


def write_slide(path: Path, random: np.random.Generator, *, lesion: bool, side: int = 5) -> None:
    """Write a slide of pink tiles; a lesion is two dark blue tiles in the second row."""
    pixels = np.empty((side * TILE, side * TILE, 3), dtype=np.uint8)
    pixels[:] = (215, 140, 185)
    if lesion:
        pixels[TILE : 2 * TILE, TILE : 3 * TILE] = (90, 60, 150)
    noise = random.integers(-12, 13, pixels.shape)
    tifffile.imwrite(path, np.clip(pixels + noise, 0, 255).astype(np.uint8), photometric="rgb")


def write_table(folder: Path, count: int, *, clinical: bool = False) -> None:
    """Write ``count`` slides of two alternating labels and their ``slides.csv``."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(5)
    lines = ["file,label,case" + (",months,event,age,sex" if clinical else "")]
    for number in range(count):
        lesion = number % 2 == 1
        write_slide(folder / f"s{number}.tif", random, lesion=lesion)
        line = f"s{number}.tif,{'tumour' if lesion else 'benign'},c{number}"
        if clinical:
            age = "" if number % 5 == 0 else str(40 + number)
            line += f",{30 - 20 * lesion + number % 7},{int(number % 3 > 0)},{age},{'fm'[number % 4 > 1]}"
        lines.append(line)
    (folder / "slides.csv").write_text("\n".join(lines) + "\n")
