"""Mixed batches of several patches (n, side, side, channels), with their soft labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.data.variation.patches import Augmentation, augment_patch

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]
# How strongly the alternatives mix: mixup with Beta(0.2, 0.2), CutMix with Beta(1, 1).
MIXUP = 0.2
CUTMIX = 1.0


@dataclass(frozen=True, slots=True)
class CleanBank:
    """Patches with certain labels: ``rows``, ``classes`` (n,); ``normal`` is the healthy class."""

    rows: Bytes
    classes: NDArray[np.int64]
    normal: int

    def draw(self, abnormal: NDArray[np.bool_], random: np.random.Generator) -> NDArray[np.intp]:
        """Return a patch for each cell; abnormal classes are equally frequent."""
        healthy = np.flatnonzero(self.classes == self.normal)
        others = [k for k in np.unique(self.classes) if k != self.normal]
        chosen = random.choice(healthy, abnormal.shape)
        for place in np.argwhere(abnormal):
            members = np.flatnonzero(self.classes == random.choice(others))
            chosen[tuple(place)] = random.choice(members)
        return chosen.astype(np.intp)


@dataclass(frozen=True, slots=True)
class MixRule:
    """``cells`` per side; ``floor`` None labels by proportion, else the least share of any abnormality.

    ``classes`` is how long a soft label is.
    """

    cells: int
    floor: float | None
    classes: int


def mix_patches(
    bank: CleanBank, count: int, rule: MixRule, random: np.random.Generator, how: Augmentation
) -> tuple[Bytes, Floats]:
    """Return mixed patches and soft labels (count, classes): Park et al., Diagnostics 12(6):1493 (2022).

    Half of them are healthy throughout; of the others any number of cells is equally likely to be abnormal,
    so that mixing shifts the share of abnormal patches as little as may be.
    """
    side, n = bank.rows.shape[1], rule.cells
    edges = np.linspace(0, side, n + 1).astype(np.intp)
    mixed = np.empty((count, side, side, bank.rows.shape[-1]), dtype=np.uint8)
    labels = np.empty((count, rule.classes))
    for number in range(count):
        few = 0 if random.random() < 0.5 else int(random.integers(1, n * n + 1))  # noqa: PLR2004 - half
        abnormal = random.permutation(n * n) < few
        chosen = bank.draw(abnormal, random)
        for place, patch in enumerate(chosen):
            rows = slice(edges[place // n], edges[place // n + 1])
            columns = slice(edges[place % n], edges[place % n + 1])
            mixed[number, rows, columns] = _cell(bank.rows[patch], rows, columns, random, how)
        labels[number] = soft_label(bank.classes[chosen], rule.classes, bank.normal, rule.floor)
    return mixed, labels


def soft_label(cells: NDArray[np.int64], classes: int, normal: int, floor: float | None) -> Floats:
    """Return the soft label (classes,) of a patch of these cells (m,).

    By proportion, or with a floor: any abnormality makes the patch abnormal, so that its most severe class
    (the last in the list of labels) has at least ``floor`` and the rest is shared by proportion.
    """
    shares = np.bincount(cells, minlength=classes) / len(cells)
    abnormal = cells[cells != normal]
    if floor is None or not len(abnormal):
        return shares
    label: Floats = floor * np.eye(classes)[abnormal.max()] + (1 - floor) * shares
    return label


def _cell(patch: Bytes, rows: slice, columns: slice, random: np.random.Generator, how: Augmentation) -> Bytes:
    height, width = rows.stop - rows.start, columns.stop - columns.start
    square = max(height, width)
    side = patch.shape[0]
    top, left = (int(random.integers(side - square + 1)) for _ in range(2))
    cell = augment_patch(patch[top : top + square, left : left + square], random, how)
    return cell[:height, :width]


def smooth(targets: Floats, share: float) -> Floats:
    """Return targets (n, k) with ``share`` spread evenly over the classes (label smoothing)."""
    spread: Floats = (1 - share) * targets + share / targets.shape[1]
    return spread


def mixup(pixels: Bytes, targets: Floats, random: np.random.Generator) -> tuple[Bytes, Floats]:
    """Return patches blended in pairs, and their labels: Zhang et al., ICLR (2018)."""
    partner = random.permutation(len(pixels))
    share = random.beta(MIXUP, MIXUP, len(pixels))
    blend = share[:, None, None, None] * pixels + (1 - share[:, None, None, None]) * pixels[partner]
    labels = share[:, None] * targets + (1 - share[:, None]) * targets[partner]
    return np.rint(blend).astype(np.uint8), labels


def cutmix(pixels: Bytes, targets: Floats, random: np.random.Generator) -> tuple[Bytes, Floats]:
    """Return patches with a rectangle of another patch, labelled by area: Yun et al., ICCV (2019)."""
    partner = random.permutation(len(pixels))
    mixed, labels = pixels.copy(), targets.copy()
    side = pixels.shape[1]
    for number, other in enumerate(partner):
        reach = side * np.sqrt(1 - random.beta(CUTMIX, CUTMIX)) / 2
        y, x = random.uniform(0, side, 2)
        rows = slice(max(0, round(y - reach)), min(side, round(y + reach)))
        columns = slice(max(0, round(x - reach)), min(side, round(x + reach)))
        mixed[number, rows, columns] = pixels[other, rows, columns]
        share = max(0, rows.stop - rows.start) * max(0, columns.stop - columns.start) / side**2
        labels[number] = (1 - share) * targets[number] + share * targets[other]
    return mixed, labels
