"""``augmentation``: writes augmented copies of images, to look at or to train on."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from ml.contracts import DataError
from ml.data import load_dataset
from ml.data.folders.images import read_image
from ml.data.variation.patches import Augmentation, augment_patch
from ml.messages import Message
from ml.storage.room import remove_on_failure


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments: input, output, strengths."""
    parser.add_argument("--data", type=Path, required=True, help="folder of class folders of images")
    parser.add_argument("--out", type=Path, required=True, help="new folder for the copies")
    parser.add_argument("--copies", type=int, default=2, help="copies of each image")
    parser.add_argument(
        "--stain", type=float, default=0.2, help="reach of the strength of each stain, 0..0.9"
    )
    parser.add_argument("--hue", type=float, default=0.05, help="reach of the turn of colours, in radians")
    parser.add_argument("--zoom", type=float, default=0.1, help="reach of the change of scale, 0..0.5")
    parser.add_argument("--degrade", type=float, default=0.2, help="share blurred or compressed, 0..1")
    parser.add_argument("--seed", type=int, default=0)


def run(options: argparse.Namespace) -> None:
    """Write ``<out>/<class>/<name>-<copy>.png``; raises DataError where that is not possible."""
    if options.out.exists():
        message = Message("out_folder_exists", out=str(options.out))
        raise DataError(message, code="not_new")
    images = [image for image in load_dataset(options.data).images if image.label is not None]
    if not images:
        message = Message("no_class_folders", data=str(options.data))
        raise DataError(message, code="no_data")
    how = Augmentation(
        stain=options.stain,
        shift=options.stain / float(np.log(10)),
        hue=options.hue,
        zoom=options.zoom,
        degrade=options.degrade,
    )
    random = np.random.default_rng(options.seed)
    with remove_on_failure(options.out):
        for image in images:
            folder = options.out / str(image.label)
            folder.mkdir(parents=True, exist_ok=True)
            pixels = _square(read_image(image.path))
            for number in range(options.copies):
                augmented = np.ascontiguousarray(augment_patch(pixels, random, how))
                Image.fromarray(augmented).save(folder / f"{image.path.stem}-{number}.png")
    sys.stdout.write(f"{len(images) * options.copies} varied images in {options.out}\n")


def _square(
    pixels: np.ndarray[tuple[int, int, int], np.dtype[np.uint8]],
) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    side = min(pixels.shape[:2])
    top, left = ((n - side) // 2 for n in pixels.shape[:2])
    return pixels[top : top + side, left : left + side]
