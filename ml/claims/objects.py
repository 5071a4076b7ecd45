"""Nuclei and their baselines, which the claims of several methods for objects share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.claims.harness import Pair
from ml.claims.material import real_data
from ml.contracts import Context, Dataset, Evaluation
from ml.data import load_dataset
from ml.data.objects import OutlinedImage, outlined_images
from ml.evaluation.froc import Matched, match
from ml.evaluation.objects import measure_image
from ml.features.nuclei import otsu
from ml.inference.peaks import overlaps, peaks_of
from ml.methods.loading import load_recipe_class
from ml.slides.stain_separation import separate_stains
from ml.training.detection import boxes_of, centres_of

BUDGET: Final = {"width": 8, "crop": 96, "steps": 250, "batch": 4}
# What a core does of HoVer-Net in some minutes; its crops are of one size.
SMALL_BUDGET: Final = {"crop": 256, "steps": 50, "batch": 1}
REACH: Final = 10
SETS: Final = {"dsb2018": 40, "nuinsseg": 16}


@cache
def crops(name: str, seed: int) -> Dataset:
    """Return the crops of a set, split by the seed: half to train, a fifth to validate, the rest to test."""
    dataset = load_dataset(real_data(f"nuclei/{name}"))
    order = np.random.default_rng(seed).permutation(len(dataset.images))
    ends = (round(0.5 * len(order)), round(0.7 * len(order)))
    parts = {}
    for place, number in enumerate(order):
        part = "train" if place < ends[0] else "validation" if place < ends[1] else "test"
        parts[dataset.images[number].case] = part
    return replace(dataset, parts=parts)


@cache
def evaluated(recipe: str, name: str, seed: int, *, full: bool = False) -> Evaluation:
    """Return the test figures of a recipe trained with the shared budget, or in ``full`` on a GPU."""
    dataset = crops(name, seed)
    budget = {} if full else SMALL_BUDGET if recipe == "hovernet" else BUDGET
    config: Mapping[str, Any] = {**budget, **({"reach": REACH} if recipe in {"points", "boxes"} else {})}
    model = load_recipe_class(recipe).build(dataset.labels, config)
    with TemporaryDirectory(prefix="ml-") as scratch:
        context = Context(seed, Path(scratch), "cuda" if full else "cpu")
        model.fit(dataset, context)
        return model.evaluate(dataset, context)


@cache
def connected(name: str, seed: int) -> dict[str, float]:
    """Return the figures of connected dark areas; their smallest size is chosen on train and validation."""
    dataset = crops(name, seed)
    known = [item for part in ("train", "validation") for item in outlined_images(dataset, (part,), None)]
    sizes = (10, 20, 40, 80)
    best = max(sizes, key=lambda size: np.nanmean([_figures(item, size)["pq"] for item in known]))
    rows = [_figures(item, best) for item in outlined_images(dataset, ("test",), None)]
    return {key: float(np.nanmean([row[key] for row in rows])) for key in rows[0]}


def _figures(image: OutlinedImage, size: int) -> dict[str, float]:
    return measure_image(image.instances, dark_areas(image.pixels, size))


def dark_areas(pixels: NDArray[np.uint8], smallest: int) -> NDArray[np.int32]:
    """Return connected areas of haematoxylin above Otsu's threshold, with holes filled and specks removed."""
    stain = ndimage.gaussian_filter(separate_stains(pixels)[..., 0], 1.0)
    low, high = (float(value) for value in np.percentile(stain, (0.5, 99.5)))
    mask = ndimage.binary_fill_holes(ndimage.binary_opening(stain > otsu(stain, low, max(high, low + 0.01))))
    areas, _ = ndimage.label(mask)
    kept = np.bincount(areas.ravel()) >= smallest
    kept[0] = False
    numbers = np.where(kept, np.cumsum(kept), 0)
    return np.asarray(numbers[areas], dtype=np.int32)


def test_size(name: str) -> int:
    """Return the number of test crops of a set."""
    return SETS[name] - round(0.7 * SETS[name])


def compare_with_areas(measure: str, name: str, seed: int, recipe: str = "nuclei-hv") -> Pair:
    """Return the figures of connected dark areas and of a recipe on the same crops."""
    value = evaluated(recipe, name, seed).metrics[measure].value
    return Pair(connected(name, seed)[measure], value, test_size(name))


@cache
def plain_detections(seed: int, part: str, *, boxes: bool) -> tuple[Matched, ...]:
    """Return the baseline's detections: maxima of haematoxylin, or boxes of dark areas."""
    matched = []
    for image in outlined_images(crops("dsb2018", seed), (part,), None):
        there = np.unique(image.instances[image.instances > 0])
        stain = ndimage.gaussian_filter(separate_stains(image.pixels)[..., 0], 1.0 if boxes else 3.0)
        if boxes:
            areas = dark_areas(image.pixels, 40)
            places = boxes_of(areas)
            score = np.asarray(ndimage.mean(stain, areas, np.arange(1, int(areas.max()) + 1)), np.float32)
            near = overlaps(places, boxes_of(image.instances)[there - 1]) - 0.5
        else:
            places, score = peaks_of(stain, REACH // 2, -10.0)
            truth = centres_of(image.instances)[there - 1]
            near = REACH - np.linalg.norm(places[:, None] - truth[None], axis=2)
        labels = np.zeros(len(score), np.int16)
        matched.append(match(score, labels, np.zeros(len(there), np.int16), near, 1))
    return tuple(matched)
