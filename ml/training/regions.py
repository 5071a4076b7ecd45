"""Crops and loss of networks that classify pixels into regions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ml.data.regions import UNKNOWN, RegionImage
from ml.training.crops import Material, as_batch, cut, padded

SMOOTH = 1.0
# Places remembered per image and class, around which crops are cut.
PLACES = 400


def paint_regions(image: RegionImage, side: int) -> Material:
    """Return an image with its classes, padded to at least ``side`` with the unknown class."""
    return padded(image.pixels, [(image.classes, float(UNKNOWN))], side)


class RegionCrops:
    """Sampler of crops around labelled pixels, with all classes equally frequent."""

    def __init__(self, images: Sequence[Material], side: int, seed: int) -> None:
        self._images, self._side = images, side
        random = np.random.default_rng(seed)
        self._places: dict[int, list[tuple[int, int, int]]] = {}
        for number, image in enumerate(images):
            for value in np.unique(image.layers[0]):
                if value != UNKNOWN:
                    places = np.argwhere(image.layers[0] == value)
                    kept = places[random.permutation(len(places))[:PLACES]]
                    self._places.setdefault(int(value), []).extend((number, int(y), int(x)) for y, x in kept)

    @property
    def classes(self) -> list[int]:
        """Return the classes that occur, 0 being background."""
        return sorted(self._places)

    def draw(self, count: int, random: np.random.Generator) -> tuple[Tensor, ...]:
        """Return pixels (n, 3, h, w) and classes int64 (n, h, w)."""
        crops = []
        for value in random.choice(self.classes, count):
            places = self._places[int(value)]
            number, y, x = places[int(random.integers(len(places)))]
            crops.append(cut(self._images[number], (y, x), self._side, random))
        return as_batch(crops)


def region_loss(scores: Tensor, classes: Tensor) -> Tensor:
    """Return cross-entropy plus Dice of scores (n, k, h, w); pixels of class 255 count in neither.

    Dice is over the classes that occur in the batch. Milletari et al., 3DV (2016).
    """
    known = classes != UNKNOWN
    total = known.sum().clamp(min=1)
    entropy = functional.cross_entropy(scores, classes, ignore_index=UNKNOWN, reduction="sum") / total
    share = scores.softmax(dim=1) * known[:, None]
    target = (
        functional.one_hot(torch.where(known, classes, 0), scores.shape[1]).movedim(-1, 1) * known[:, None]
    )
    common = (share * target).sum(dim=(0, 2, 3))
    there = target.sum(dim=(0, 2, 3))
    dice = 1 - (2 * common + SMOOTH) / (share.sum(dim=(0, 2, 3)) + there + SMOOTH)
    present = (there > 0).float()
    loss: Tensor = entropy + (dice * present).sum() / present.sum().clamp(min=1.0)
    return loss
