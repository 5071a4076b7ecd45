"""Costs of reading, heat maps and objects beside the bare network; MONAI's ways through a slide."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ml.contracts import Bounds, Context
from ml.data.squares import Squares, read_patches
from ml.features.descriptors import DescriptorEncoder
from ml.methods.loading import load_recipe_class
from ml.networks.precision import inference_batch_size
from ml.slides import open_slide
from tests.bench.harness import ROOT, Figure, bench, data_folder
from tests.bench.rigs.pipeline_monai import patch_dataset, window_inferer
from tests.bench.rigs.repeated_slide import TILE, write_repeated

SIDE = 112
# Four seconds of the bare network, since its speed varies from one second to the next.
BATCHES = 48
MEGAPIXELS = (10, 100, 1000, 10_000)
SHARE = 0.05
LARGE, LARGE_SHARE = 12_000, 0.3


@bench("pipeline")
def measure_pipeline() -> Iterator[Figure]:
    """Measure patches per second from slide to objects, reading alone, and the peak of memory."""
    path = data_folder() / "slides/colorectal-mosaic.tif"
    yield from _efficiency(path)
    yield from _precision()
    yield from _reading(path)
    yield from _memory(path)
    yield from _descriptors()


def _untrained(**settings: int) -> Any:
    """Return a recipe with random network weights, as speed does not depend on training."""
    recipe: Any = load_recipe_class("residual").build(("one", "other"), settings)
    network = recipe.parts.predictor.network
    network.current = network.fresh(0).eval()
    return recipe


def _efficiency(path: Path) -> Iterator[Figure]:
    """Yield the figures of a small slide, where tissue detection counts, and of a large one."""
    recipe = _untrained(patch=SIDE, stride=SIDE, pixels=SIDE)
    whole, first, figure = _from_slide_to_objects("pipeline.efficiency", recipe, path)
    yield figure
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "slide.tif"
        write_repeated(large, LARGE, _tissue(path), LARGE_SHARE)
        yield _from_slide_to_objects("pipeline.efficiency.large", recipe, large)[2]
    # MONAI is given the same precision too.
    network = recipe.parts.predictor.forward
    monai, monai_first = patch_dataset(network, path, SIDE, BATCHES)
    yield Figure("pipeline.monai_dataset", whole, "patches/s", monai, "baseline: SlidingPatchWSIDataset")
    windows = window_inferer(network, path, SIDE, 20 * SIDE)
    yield Figure("pipeline.monai_inferer", whole, "patches/s", windows, "baseline: SlidingWindowInferer")
    yield Figure(
        "pipeline.first_result",
        first,
        "s",
        monai_first,
        "with the tissue; baseline: MONAI's data set, without",
    )


def _from_slide_to_objects(name: str, recipe: Any, path: Path) -> tuple[float, float, Figure]:
    """Return patches per second, the seconds until the first ones, and the figure."""
    pixels = np.random.default_rng(0).integers(
        0, 255, (inference_batch_size("cpu"), SIDE, SIDE, 3), dtype=np.uint8
    )
    batch = recipe.parts.predictor.pixels(pixels)
    before = _bare(recipe, batch)
    with tempfile.TemporaryDirectory() as folder, open_slide(path) as slide:
        context = Context(0, Path(folder), blocks=Path(folder) / "blocks")
        began, first, patches = time.perf_counter(), 0.0, 0
        for prediction in recipe.predict(slide, context):
            first = first or time.perf_counter() - began
            patches += len(prediction.objects or ())
        whole = patches / (time.perf_counter() - began)
    after = _bare(recipe, batch)
    note = f"of {patches}; baseline: bare network, before {before:.1f} and after {after:.1f}"
    return whole, first, Figure(name, whole, "patches/s", (before + after) / 2, note)


def _bare(recipe: Any, batch: torch.Tensor) -> float:
    with torch.inference_mode():
        recipe.parts.predictor.forward(batch)
        began = time.perf_counter()
        for _ in range(BATCHES):
            recipe.parts.predictor.forward(batch)
    return BATCHES * len(batch) / (time.perf_counter() - began)


def _precision() -> Iterator[Figure]:
    """Yield the figures of forward passes in bfloat16 and channels-last, against plain ones."""
    random = torch.Generator().manual_seed(0)
    batch = torch.rand(32, 3, SIDE, SIDE, generator=random)
    for name in ("residual", "convolutional"):
        recipe: Any = load_recipe_class(name).build(("one", "other"), {})
        network = recipe.parts.predictor.network.fresh(0).eval()
        plain = _speed(network, batch, half=False)
        halved = _speed(network, batch, half=True)
        network.to(memory_format=torch.channels_last)
        last = batch.to(memory_format=torch.channels_last)
        yield Figure(f"pipeline.bfloat16.{name}", halved, "patches/s", plain, "baseline: float32")
        speed = _speed(network, last, half=False)
        yield Figure(f"pipeline.channels_last.{name}", speed, "patches/s", plain, "baseline: float32")
        both = _speed(network, last, half=True)
        yield Figure(f"pipeline.both.{name}", both, "patches/s", plain, "baseline: float32")


def _speed(network: torch.nn.Module, batch: torch.Tensor, *, half: bool) -> float:
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=half):
        network(batch)
        began = time.perf_counter()
        for _ in range(3):
            network(batch)
    return 3 * len(batch) / (time.perf_counter() - began)


def _reading(path: Path) -> Iterator[Figure]:
    """Yield the figures of reading half-overlapping patches: in blocks against one by one; two processes."""
    with open_slide(path) as slide:
        places = [(x, y) for y in range(0, slide.height, SIDE) for x in range(0, slide.width, SIDE)]
        squares = Squares(np.array(places), 2 * SIDE)
        began = time.perf_counter()
        for x, y in places:
            slide.read(Bounds(x, y, 2 * SIDE, 2 * SIDE), (2 * SIDE, 2 * SIDE))
        single = len(places) / (time.perf_counter() - began)
    for workers, name in ((0, "blocks"), (2, "processes")):
        with open_slide(path) as slide:
            began, ready, count = time.perf_counter(), 0.0, 0
            for which, _ in read_patches(slide, squares, 2 * SIDE, workers=workers):
                count += len(which) if ready else 0
                ready = ready or time.perf_counter()
            speed = count / (time.perf_counter() - ready)
        note = f"first after {ready - began:.2f} s; baseline: one by one"
        yield Figure(f"pipeline.read.{name}", speed, "patches/s", single, note)


def _tissue(path: Path) -> NDArray[np.uint8]:
    """Return a tile of real tissue to make slides of."""
    with open_slide(path) as slide:
        return slide.read(Bounds(1000, 1000, TILE, TILE), (TILE, TILE))


def _memory(path: Path) -> Iterator[Figure]:
    """Yield the peak memory of a prediction on square slides with a twentieth of tissue."""
    tissue = _tissue(path)
    smallest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        model, large = Path(folder) / "model", Path(folder) / "slide.tif"
        _untrained(patch=224, stride=224, pixels=56, width=4).save(model)
        for megapixels in MEGAPIXELS:
            write_repeated(large, round(1000 * megapixels**0.5), tissue, SHARE)
            command = [sys.executable, "-m", "tests.bench.rigs.pipeline_peak", str(model), str(large)]
            run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
            peak = json.loads(run.stdout)
            smallest = smallest or peak["mebibytes"]
            note = f"{peak['patches']} patches in {peak['seconds']:.0f} s; baseline: the smallest slide"
            yield Figure(f"pipeline.memory.{megapixels}mp", peak["mebibytes"], "MiB", smallest, note)


def _descriptors() -> Iterator[Figure]:
    encoder = DescriptorEncoder()
    tiles = np.random.default_rng(0).integers(0, 255, (200, 224, 224, 3), dtype=np.uint8)
    encoder.encode(tiles[:20])
    began = time.perf_counter()
    encoder.encode(tiles)
    speed = len(tiles) / (time.perf_counter() - began)
    yield Figure("pipeline.descriptors", speed, "patches/s", note="1 core")
