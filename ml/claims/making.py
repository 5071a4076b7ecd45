"""Claims of tools that draw synthetic tiles."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml.claims.harness import Pair, claim
from ml.claims.tiles import SMALL, colorectal, context_of, figure, fit, measure
from ml.contracts import Dataset
from ml.data.folders.images import read_image
from ml.evaluation.synthesis import drawing_figures
from ml.features.descriptors import DescriptorEncoder
from ml.slides.stain_separation import join_stains, separate_stains
from ml.training.gan import Drawer, DrawingPlan, pseudo_mask

SIDE: Final = 32
PLAN: Final = DrawingPlan(steps=150, batch=16, width=8)
OTHER_STAIN: Final = np.array([1.5, 0.6, 1.0], dtype=np.float32)


def _arrays(data: Dataset, part: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    images = [image for image in data.images if data.parts[image.case] == part]
    tiles = np.stack([read_image(image.path, SIDE) for image in images])
    return tiles, np.array([data.labels.index(str(image.label)) for image in images], dtype=np.int64)


@claim(
    "wgan-gp-distance",
    method="wgan-gp",
    baseline="a Gaussian for each pixel and label",
    metric="Fréchet distance of descriptors to unseen real tiles",
    data="tiles/colorectal at 32 px, 300 to learn from",
    says="drawn tiles come nearer to real ones than those of the simplest model",
    less=True,
)
def wgan_gp_distance(seed: int, scratch: Path) -> Pair:
    """Measure the distance of drawn from real tiles; the baseline has the mean and spread of every pixel."""
    data = colorectal(seed, train=100, validation=1, test=100)
    tiles, labels = _arrays(data, "train")
    unseen, classes = _arrays(data, "test")
    drawer = Drawer(tiles, labels, PLAN, steered=False)
    drawer.train(context_of(scratch, seed))
    random = np.random.default_rng(seed)
    simple = np.empty_like(unseen)
    for label in range(len(data.labels)):
        own = tiles[labels == label].astype(float)
        values = random.normal(
            own.mean(axis=0), own.std(axis=0), (int((classes == label).sum()), SIDE, SIDE, 3)
        )
        simple[classes == label] = np.clip(values, 0, 255).astype(np.uint8)
    encode = DescriptorEncoder(SIDE).encode
    real, first, second = (
        encode(pixels).astype(np.float64) for pixels in (unseen, simple, drawer.draw(classes, seed).tiles)
    )
    figures = [drawing_figures(real, other)["fid"] for other in (first, second)]
    return Pair(figures[0], figures[1], len(unseen))


def _dice(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    both = (first & second).sum(axis=(1, 2))
    total = first.sum(axis=(1, 2)) + second.sum(axis=(1, 2))
    return float(np.mean((2 * both + 1) / (total + 1)))


@claim(
    "segmentation-gan-layout",
    method="segmentation-gan",
    baseline="the masks of other tiles of the same label",
    metric="Dice of nuclei in drawn tiles with the mask they were drawn from",
    data="tiles/colorectal at 32 px, 300 to learn from",
    says="drawn tiles keep the layout of their reference",
)
def segmentation_gan_layout(seed: int, scratch: Path) -> Pair:
    """Measure nuclei in drawn tiles by Otsu's threshold of haematoxylin, independently of the network."""
    data = colorectal(seed, train=100, validation=1, test=1)
    tiles, labels = _arrays(data, "train")
    drawer = Drawer(tiles, labels, PLAN, steered=True)
    drawer.train(context_of(scratch, seed))
    drawn = drawer.draw(np.repeat(np.arange(3), 50), seed)
    if drawn.masks is None:
        raise AssertionError
    seen = np.stack([pseudo_mask(tile) for tile in drawn.tiles])
    others = drawn.masks.reshape(3, 50, SIDE, SIDE)[:, ::-1].reshape(drawn.masks.shape)
    return Pair(_dice(seen, others), _dice(seen, drawn.masks), len(seen))


@claim(
    "augmentation-stain",
    method="augmentation",
    baseline="the same network without stain variation",
    metric="balanced accuracy on tiles of another stain",
    data="tiles/colorectal, 3 labels, 390 to learn from; test tiles with 1.5 x haematoxylin, 0.6 x eosin",
    says="stain variation in training helps on slides of another stain",
)
def augmentation_stain(seed: int, scratch: Path) -> Pair:
    """Measure augmentation of stain on a stain that training never saw; symmetries are varied in both."""
    data = colorectal(seed, train=100, validation=30, test=100)
    other = _restained(data, scratch / "restained")
    accuracies = []
    for stain in (0.0, 0.5):
        config = {**SMALL, "stain": stain, "hue": 0.0, "zoom": 0.0, "degrade": 0.0}
        recipe = fit("convolutional", data, scratch / str(stain), seed, **config)
        accuracies.append(figure(measure(recipe, other, scratch), "balanced_accuracy"))
    return Pair(accuracies[0], accuracies[1], 300)


def _restained(data: Dataset, folder: Path) -> Dataset:

    folder.mkdir()
    images = []
    for image in data.images:
        if data.parts[image.case] == "test":
            pixels = join_stains(separate_stains(read_image(image.path)) * OTHER_STAIN)
            path = folder / f"{image.label}-{image.path.name}.png"
            Image.fromarray(pixels).save(path)
            images.append(dataclasses.replace(image, path=path))
    return dataclasses.replace(data, images=tuple(images))
