"""Options and output of the two tools that draw tiles."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml.contracts import Context, DataError
from ml.data import load_dataset
from ml.data.folders.images import read_image
from ml.evaluation.synthesis import drawing_figures, structural_similarity
from ml.features.descriptors import DescriptorEncoder
from ml.messages import Message
from ml.storage.room import remove_on_failure
from ml.training.gan import Drawer, DrawingPlan, Drawn
from ml.training.together import check_device


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of both tools."""
    parser.add_argument("--data", type=Path, required=True, help="folder of class folders of images")
    parser.add_argument("--out", type=Path, required=True, help="new folder for tiles, weights and report")
    parser.add_argument("--pixels", type=int, default=64, help="side of the tiles: 32, 64 or 128")
    parser.add_argument("--count", type=int, default=50, help="tiles per class")
    parser.add_argument("--steps", type=int, default=2000, help="steps of the generator")
    parser.add_argument("--width", type=int, default=16, help="channels of the finest maps")
    parser.add_argument("--minutes", type=float, default=30.0, help="time budget")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", help="cpu, or cuda")


def draw_folder(options: argparse.Namespace, *, steered: bool) -> None:
    """Train on a folder; write ``tiles/<class>``, ``masks/<class>`` if steered, weights and a report."""
    if options.out.exists():
        message = Message("out_folder_exists", out=str(options.out))
        raise DataError(message, code="not_new")
    check_device(options.device)
    dataset = load_dataset(options.data)
    images = [image for image in dataset.images if image.label is not None]
    if not images:
        message = Message("no_class_folders", data=str(options.data))
        raise DataError(message, code="no_data")
    tiles = np.stack([read_image(image.path, options.pixels) for image in images])
    labels = np.array([dataset.labels.index(str(image.label)) for image in images], dtype=np.int64)
    plan = DrawingPlan(options.steps, width=options.width, minutes=options.minutes)
    drawer = Drawer(tiles, labels, plan, steered=steered)
    with tempfile.TemporaryDirectory(prefix="ml-") as scratch:
        drawer.train(Context(options.seed, Path(scratch), options.device))
    drawn_tiles = drawer.draw(np.repeat(np.unique(labels), options.count), options.seed)
    encoder = DescriptorEncoder(options.pixels)
    real, drawn = (encoder.encode(pixels).astype(np.float64) for pixels in (tiles, drawn_tiles.tiles))
    figures = drawing_figures(real, drawn, options.seed) | {
        "ms_ssim": structural_similarity(drawn_tiles.tiles, drawn_tiles.labels, options.seed),
        "ms_ssim of real tiles": structural_similarity(tiles, labels, options.seed),
    }
    with remove_on_failure(options.out):
        _write(options.out, dataset.labels, drawn_tiles, drawer.arrays())
        report = {"source": str(options.data.name), "seed": options.seed, "steps": options.steps, **figures}
        (options.out / "report.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    words = ", ".join(f"{name} {value:.3f}" for name, value in figures.items())
    sys.stdout.write(f"{len(drawn_tiles.tiles)} tiles in {options.out / 'tiles'}; {words}\n")


def _write(
    folder: Path, names: tuple[str, ...], drawn: Drawn, weights: dict[str, NDArray[np.float32]]
) -> None:
    from safetensors.numpy import save_file  # noqa: PLC0415 - only where something is written

    for number, label in enumerate(drawn.labels):
        for kind, layers in (("tiles", drawn.tiles), ("masks", drawn.masks)):
            if layers is None:
                continue
            path = folder / kind / names[label] / f"{number:05}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            layer = layers[number]
            Image.fromarray(layer.astype(np.uint8) * 255 if layer.dtype == bool else layer).save(path)
    arrays = {name: values.copy(order="C") for name, values in sorted(weights.items())}
    save_file(arrays, folder / "weights.safetensors")
