"""Claims of ``sa-mil``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image
from scipy import ndimage

from ml.claims.harness import Pair, claim
from ml.contracts import Context, Dataset, LabelledImage
from ml.methods.loading import load_recipe_class

TILE: Final = 64
TILES: Final = 120
SA_BUDGET: Final = {"width": 8, "crop": TILE, "steps": 125, "batch": 8, "nothing": "clean", "outlined": 8}


def weak_phantoms(seed: int, scratch: Path) -> Dataset:
    """Return tiles of fibrous tissue, half with a lesion of dark cells; masks for a few.

    Training tiles have labels only; those of validation and test have masks.
    """
    random = np.random.default_rng(seed)
    images, parts = [], {}
    for number in range(TILES):
        part = "train" if number < TILES * 0.6 else "validation" if number < TILES * 0.75 else "test"
        pixels, lesion = _tile(random, lesion=number % 2 == 0)
        path = scratch / f"{number}.png"
        Image.fromarray(pixels).save(path)
        mask = None
        if part != "train":
            mask = scratch / f"{number}-mask.png"
            Image.fromarray(lesion.astype(np.uint8) * 255).save(mask)
        images.append(LabelledImage(path, str(number), "lesion" if number % 2 == 0 else "clean", mask))
        parts[str(number)] = part
    return Dataset(("lesion", "clean"), images=tuple(images), parts=parts)


def _tile(random: np.random.Generator, *, lesion: bool) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    shape = (TILE, TILE)
    fibres = ndimage.gaussian_filter(random.normal(size=shape), (0.7, 3.0)) * 3
    stain = 0.35 + 0.08 * fibres
    mask = np.zeros(shape, dtype=bool)
    if lesion:
        blob = ndimage.gaussian_filter(random.normal(size=shape), 5.0)
        y, x = np.indices(shape)
        centre = random.uniform(TILE * 0.25, TILE * 0.75, 2)
        near = np.exp(-((y - centre[0]) ** 2 + (x - centre[1]) ** 2) / (2 * random.uniform(5, 9) ** 2))
        mask = near + 4 * blob > 0.5  # noqa: PLR2004 - half of its peak
        mask = ndimage.binary_opening(mask)
    # Cells are everywhere; in a lesion they are many and darker, so that one dark pixel tells nothing.
    cells = random.random(shape) < np.where(mask, 0.10, 0.02)
    density = ndimage.gaussian_filter(cells.astype(float), 1.2) * np.where(mask, 9.0, 6.0)
    eosin, haematoxylin = np.array([0.09, 0.5, 0.3]), np.array([0.6, 0.7, 0.35])
    light = np.exp(-(stain[..., None] * eosin + density[..., None] * haematoxylin)) * 245
    noisy = light + random.normal(0, 4, light.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8), mask


@claim(
    "sa-mil-attention",
    method="sa-mil",
    baseline="the same network without attention (DWS-MIL)",
    metric="F1 of pixels",
    data="phantom tiles labelled as a whole",
    says="criss-cross attention at stage 3 beats none, learned from labels of tiles",
)
def measure_attention(seed: int, scratch: Path) -> Pair:
    """Measure SA-MIL with and without attention at the third stage; thresholds come from validation tiles."""
    dataset, context = weak_phantoms(seed, scratch), Context(seed, scratch)
    scores = []
    for stages in ("none", "3"):
        model = load_recipe_class("sa-mil").build(dataset.labels, {**SA_BUDGET, "attention": stages})
        model.fit(dataset, replace(context, scratch=scratch / stages))
        scores.append(model.evaluate(dataset, context).metrics["f1:lesion"].value)
    return Pair(scores[0], scores[1], TILES - int(TILES * 0.75))


@claim(
    "sa-mil-weak",
    method="sa-mil",
    baseline="0.75",
    metric="F1 of pixels",
    data="phantom tiles labelled as a whole",
    says="outlines lesions with an F1 above 0.75 from labels of tiles alone",
)
def measure_weak(seed: int, scratch: Path) -> Pair:
    """Measure SA-MIL with its defaults against the bound of the survey of methods."""
    dataset, context = weak_phantoms(seed, scratch), Context(seed, scratch)
    model = load_recipe_class("sa-mil").build(dataset.labels, SA_BUDGET)
    model.fit(dataset, replace(context, scratch=scratch / "default"))
    return Pair(0.75, model.evaluate(dataset, context).metrics["f1:lesion"].value, TILES - int(TILES * 0.75))
