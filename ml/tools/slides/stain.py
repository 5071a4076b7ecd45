"""``stain``: normalise slides or tiles to one stain."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml.contracts import Bounds, DataError
from ml.data.folders.images import read_image
from ml.data.folders.reading import IMAGES
from ml.messages import Message
from ml.slides import open_slide
from ml.slides.pyramid import write_pyramid
from ml.slides.stains import METHODS, Normaliser, StainFit, fit_pixels, fit_slide, normalised, reference_fit

MONTAGE = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the tool."""
    parser.add_argument("source", type=Path, help="a slide, or a folder of tiles of one slide")
    parser.add_argument("--out", type=Path, required=True, help="new slide (.tif), or new folder of tiles")
    parser.add_argument("--method", choices=METHODS, default="macenko")
    parser.add_argument(
        "--like", type=Path, help="slide or folder whose stain is taken; default: a reference"
    )


def run(options: argparse.Namespace) -> None:
    """Write the normalised images, with one fit for the whole slide or folder."""
    if options.out.exists():
        raise DataError(Message("out_exists", out=str(options.out)), code="not_new")
    target = reference_fit() if options.like is None else fit_of(options.like, options.method)
    if target is None:
        raise DataError(
            Message("no_tissue_for_stain", slide=options.like),
            code="no_tissue",
        )
    if options.source.is_dir():
        source = fit_of(options.source, options.method)
        normaliser = Normaliser(options.method, source, target)
        options.out.mkdir(parents=True)
        for path in tiles_of(options.source):
            Image.fromarray(normaliser.apply(read_image(path))).save(options.out / f"{path.stem}.png")
    else:
        with open_slide(options.source) as reader:
            even = normalised(reader, options.method, target)

            def bands(height: int) -> Iterator[NDArray[np.uint8]]:
                for top in range(0, reader.height, height):
                    tall = min(height, reader.height - top)
                    yield even.read(Bounds(0, top, reader.width, tall), (reader.width, tall))

            write_pyramid(options.out, (reader.width, reader.height), reader.resolution, bands)
    sys.stdout.write(f"Written to {options.out}.\n")


def fit_of(path: Path, method: str) -> StainFit | None:
    """Return the stain of a slide, or of all tiles of a folder together."""
    if not path.is_dir():
        with open_slide(path) as reader:
            return fit_slide(reader, method)
    paths = tiles_of(path)
    if not paths:
        raise DataError(Message("no_tiles", folder=str(path)), code="no_tiles")
    chosen = paths[:: max(1, len(paths) // MONTAGE)][:MONTAGE]
    rows = [read_image(item).reshape(-1, 3) for item in chosen]
    return fit_pixels(np.concatenate(rows)[: len(rows[0]) * len(rows)].reshape(-1, 64, 3), method)


def tiles_of(folder: Path) -> list[Path]:
    """Return the images of a folder in the order of their names."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGES)
