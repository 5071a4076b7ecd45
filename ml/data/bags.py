"""Bags: the features of a slide's tiles, with the label and follow-up of the slide."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Survival

UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Bag:
    """``features`` float32 (n, d), ``places`` int32 (n, 2) of row and column on the grid of tiles.

    ``label`` is the number of the slide's label, or ``UNKNOWN``; ``unit`` what a split must not separate.
    """

    features: NDArray[np.float32]
    places: NDArray[np.int32]
    label: int = UNKNOWN
    unit: str = ""
    clinical: Mapping[str, float | str | None] = field(default_factory=dict)
    survival: Survival | None = None

    def __len__(self) -> int:
        return len(self.features)

    def take(self, chosen: NDArray[np.intp]) -> Bag:
        """Return the bag of some tiles, by number."""
        return replace(self, features=self.features[chosen], places=self.places[chosen])

    def sample(self, most: int, random: np.random.Generator) -> Bag:
        """Return the bag, or ``most`` of its tiles drawn at random, in their order."""
        if len(self) <= most:
            return self
        return self.take(np.sort(random.permutation(len(self))[:most]))


def labels_of(bags: Sequence[Bag]) -> NDArray[np.int16]:
    """Return the labels (n,) of bags."""
    return np.array([bag.label for bag in bags], dtype=np.int16)


def units_of(bags: Sequence[Bag]) -> NDArray[np.str_]:
    """Return the units (n,) of bags."""
    return np.array([bag.unit for bag in bags], dtype=np.str_)


def class_weights(labels: NDArray[np.int16], classes: int) -> NDArray[np.float64]:
    """Return weights n / (k n_k) by item, so that classes count the same; 0 where the label is unknown."""
    known = labels >= 0
    counts = np.bincount(labels[known], minlength=classes).astype(np.float64)
    per_class = np.divide(known.sum(), (counts > 0).sum() * counts, out=np.zeros(classes), where=counts > 0)
    weights: NDArray[np.float64] = np.where(known, per_class[labels], 0.0)
    return weights


def hold_out(bags: Sequence[Bag], share: float, seed: int) -> tuple[list[Bag], list[Bag]]:
    """Split bags by unit, each label by itself, into those learned from and a share held out."""
    random = np.random.default_rng(seed)
    first = {bag.unit: bag.label for bag in bags}
    held: set[str] = set()
    for label in sorted(set(first.values())):
        units = sorted(unit for unit, own in first.items() if own == label)
        order = random.permutation(len(units))
        count = round(len(units) * share) if len(units) > 1 else 0
        held.update(units[number] for number in order[:count])
    return [bag for bag in bags if bag.unit not in held], [bag for bag in bags if bag.unit in held]


def bags_identity(bags: Sequence[Bag]) -> str:
    """Return a SHA-256 over features, places, labels, units and clinical data of the bags."""
    total = hashlib.sha256()
    for bag in bags:
        total.update(np.ascontiguousarray(bag.features).tobytes())
        total.update(np.ascontiguousarray(bag.places).tobytes())
        follow = None if bag.survival is None else [bag.survival.months, bag.survival.event]
        total.update(json.dumps([bag.label, bag.unit, dict(bag.clinical), follow], sort_keys=True).encode())
    return total.hexdigest()
