"""What reading, heat maps and objects cost beside the bare network."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from ml.contracts import Context
from ml.data import load_dataset, split_dataset
from ml.features.descriptors import DescriptorEncoder
from ml.recipes import load_recipe_class
from ml.slides import open_slide
from tests.bench.harness import Figure, bench, data_folder


@bench("pipeline")
def measure_pipeline() -> Iterator[Figure]:
    """Patches per second from slide to objects, against a forward pass of the same network."""
    dataset = split_dataset(load_dataset(data_folder() / "tiles/colorectal"), 0, {"train": 1.0})
    few = dataset.images[:8] + dataset.images[-8:]
    dataset = type(dataset)(("adenocarcinoma", "serrated"), images=few, parts=dataset.parts)
    path = data_folder() / "slides/colorectal-mosaic.tif"
    with tempfile.TemporaryDirectory() as folder, open_slide(path) as slide:
        context = Context(0, Path(folder))
        recipe = load_recipe_class("residual").build(
            dataset.labels, {"epochs": 1, "patch": 112, "stride": 112}
        )
        recipe.fit(dataset, context)
        list(recipe.predict(slide, context))
        began = time.perf_counter()
        patches = sum(len(item.objects or ()) for item in recipe.predict(slide, context))
        whole = patches / (time.perf_counter() - began)
        network = recipe._network
        batch = torch.zeros(64, 3, 112, 112)
        with torch.inference_mode():
            network(batch)
            began = time.perf_counter()
            for _ in range(8):
                network(batch)
        bare = 8 * 64 / (time.perf_counter() - began)
        yield Figure("pipeline.efficiency", whole, "patches/s", bare, "baseline: bare network")
    encoder = DescriptorEncoder()
    tiles = np.random.default_rng(0).integers(0, 255, (200, 224, 224, 3), dtype=np.uint8)
    encoder.encode(tiles[:20])
    began = time.perf_counter()
    encoder.encode(tiles)
    yield Figure(
        "pipeline.descriptors", len(tiles) / (time.perf_counter() - began), "patches/s", note="1 core"
    )
