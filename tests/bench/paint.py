"""Stored feature maps and the method that paints regions from strokes: bytes, accuracy and times."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from shapely.geometry import box, shape

from ml.contracts import Bounds, Context, Dataset, LabelledImage, LabelledShape, LabelledSlide
from ml.data.regions import UNKNOWN, marks_of
from ml.encoders.dense import CELL, DenseEncoder
from ml.encoders.map_scores import MapScores
from ml.encoders.packed_maps import BLOCK
from ml.encoders.stored_maps import HALO, StoredMaps, bytes_per_cell
from ml.methods.loading import load_recipe_class
from ml.slides import TissueMask, open_slide, tissue_mask
from ml.storage.hashing import content_hash
from tests.bench.harness import Figure, bench, data_folder

MOST_BYTES = 64
MILLION = 1_000_000
ENCODER = "efficientnet-lite0"


@bench("paint")
def measure_paint() -> Iterator[Figure]:
    """Measure on the two halves of a mosaic of real tissue: the left teaches, the right is measured on."""
    yield Figure(
        "paint.bytes", bytes_per_cell(DenseEncoder(ENCODER)), "bytes/cell", MOST_BYTES, "baseline: aim"
    )
    with tempfile.TemporaryDirectory() as folder:
        yield from _encoding(Path(folder))
        yield from _whole_slide(Path(folder))
        yield from _accuracy(Path(folder))


def mosaic_halves() -> Dataset:
    """Return the mosaic with its true regions cut into a left half to learn from and a right one."""
    folder = data_folder() / "slides"
    truth = json.loads((folder / "colorectal-mosaic-truth.geojson").read_text())
    halves = {"left": box(0, 0, 2240, 3584), "right": box(2240, 0, 4480, 3584)}
    shapes = tuple(
        LabelledShape(piece, feature["properties"]["classification"]["name"], group=unit)
        for feature in truth["features"]
        for unit, half in halves.items()
        if (piece := shape(feature["geometry"]).intersection(half)).area
    )
    path = folder / "colorectal-mosaic.tif"
    slide = LabelledSlide(path, "mosaic", content_hash(path), shapes)
    labels = tuple(sorted({item.label for item in shapes if item.label}))
    return Dataset(labels, slides=(slide,), parts={"left": "train", "right": "test"}, split_by="region")


def _encoding(folder: Path) -> Iterator[Figure]:
    """Yield the speed of computing maps, from the file to the disk, beside the network alone."""
    encoder = DenseEncoder(ENCODER)
    with open_slide(data_folder() / "slides" / "colorectal-mosaic.tif") as reader:
        maps = StoredMaps(reader, encoder, 1.0, folder / "encoding", tissue_mask(reader))
        places = [(int(r), int(c)) for r, c in np.argwhere(maps.on_tissue)]
        began = time.perf_counter()
        maps.compute(places, lambda _done, _total: None)
        whole = time.perf_counter() - began
        side = BLOCK * CELL + 2 * HALO
        pixels = reader.read(Bounds(0, 0, side, side), (side, side))
    began = time.perf_counter()
    for _ in places:
        encoder.maps(pixels)
    bare = time.perf_counter() - began
    read = len(places) * (BLOCK * CELL) ** 2 / MILLION
    yield Figure("paint.encode", read / whole, "Mpx/s", read / bare, "baseline: the network alone")


@dataclass(frozen=True)
class _BareReader:
    """A slide without pixels, whose maps are stored."""

    width: int
    height: int


def _whole_slide(folder: Path) -> Iterator[Figure]:
    """Yield the time from a head to the calibrated probabilities of a million stored cells."""
    encoder = DenseEncoder(ENCODER)
    side = BLOCK * CELL
    columns = 11
    rows = -(-MILLION // (columns * BLOCK**2))
    reader = _BareReader(columns * side, rows * side)
    mask = np.ones((rows, columns), dtype=bool)
    tissue = TissueMask(mask, side, reader.width, reader.height)
    maps = StoredMaps(reader, encoder, 1.0, folder / "repeated", tissue)  # type: ignore[arg-type]
    (folder / "repeated").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (side + 2 * HALO,) * 2 + (3,)).astype(np.uint8)
    stored = folder / "block.npy"
    np.save(stored, maps._encoded(pixels), allow_pickle=False)
    for place in np.ndindex(rows, columns):
        os.link(stored, folder / "repeated" / f"{place[0]}-{place[1]}.npy")
    matrix = np.random.default_rng(0).normal(size=(encoder.size, 3)).astype(np.float32)
    began = time.perf_counter()
    scores = MapScores(maps, matrix)
    for place in np.ndindex(rows, columns):
        scores.with_margin((place[0], place[1]))
    took = (time.perf_counter() - began) * MILLION / (rows * columns * BLOCK**2)
    yield Figure("paint.slide", took, "s/Mcells", 3.0, "three labels; baseline: aim")


def _accuracy(folder: Path) -> Iterator[Figure]:
    """Yield accuracy with maps of four bits beside unrounded ones, and the time with maps that are stored."""
    dataset = mosaic_halves()
    context = Context(0, folder / "scratch", features=folder / "features")
    fitted = load_recipe_class("paint").build(dataset.labels, {})
    times = []
    for _ in range(2):
        began = time.perf_counter()
        fitted.fit(dataset, context)
        times.append(time.perf_counter() - began)
    yield Figure("paint.fit", times[1], "s", times[0], "baseline: nothing stored")
    area = fitted.evaluate(dataset, context).metrics["auc"].value
    whole = load_recipe_class("paint").build(dataset.labels, {})
    images = _as_images(dataset, folder)
    whole.fit(images, context)
    reference = whole.evaluate(images, context).metrics["auc"].value
    yield Figure("paint.auc", area, "", reference, "of cells; baseline: whole halves at once, not rounded")
    yield Figure("paint.loss", reference - area, "", note="aim: at most .005")
    with open_slide(dataset.slides[0].path) as reader:
        began = time.perf_counter()
        list(fitted.predict(reader, context))
        yield Figure("paint.outlines", time.perf_counter() - began, "s", None, "of the mosaic, maps stored")


def _as_images(dataset: Dataset, folder: Path) -> Dataset:
    """Return each part of the mosaic as an image with a mask, which is described at once and not stored."""
    [slide] = dataset.slides
    images = []
    with open_slide(slide.path) as reader:
        for left, unit in ((0, "left"), (2240, "right")):
            width, height = 2240, reader.height
            pixels = reader.read(Bounds(left, 0, width, height), (width, height))
            [marks] = marks_of(slide, dataset, (dataset.parts[unit],))
            classes = marks.paint((left, 0), (1, 1), (width, height))
            image, mask = folder / f"{unit}.png", folder / f"{unit}-mask.png"
            Image.fromarray(pixels).save(image)
            # The last name is none of the labels: nothing is known there.
            names = (*dataset.labels, "unknown")
            Image.fromarray(np.where(classes == UNKNOWN, len(names), classes).astype(np.uint8)).save(mask)
            images.append(LabelledImage(image, unit, mask=mask, kinds=mask, names=names))
    return Dataset(dataset.labels, images=tuple(images), parts=dataset.parts)
