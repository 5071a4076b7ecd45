"""Split of units into training, validation and test parts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ml.contracts import DataError, Dataset, LabelledSlide
from ml.messages import Message

SHARES = {"train": 0.6, "validation": 0.2, "test": 0.2}


def split_dataset(dataset: Dataset, seed: int, shares: Mapping[str, float] | None = None) -> Dataset:
    """Return the dataset with a part for every unit, in the given shares (60/20/20 by default).

    Units are cases, or groups of shapes when ``split_by`` is not ``case``. Units with the same
    rarest label are dealt out together, so that each part gets its share of every label. Units that
    have a part keep it. Depends on content and seed alone.
    """
    weights = dict(shares or SHARES)
    if not weights or min(weights.values()) < 0 or sum(weights.values()) <= 0:
        message = Message("split_shares_not_positive", weights=str(weights))
        raise DataError(message, code="bad_split")
    amounts = unit_labels(dataset)
    totals = sum(amounts.values(), Counter[str]())
    strata: dict[str, list[str]] = defaultdict(list)
    for unit in sorted(amounts):
        if unit not in dataset.parts:
            strata[min(amounts[unit], key=lambda label: (totals[label], label), default="")].append(unit)
    parts = dict(dataset.parts)
    random = np.random.default_rng(seed)
    for label in sorted(strata):
        units = strata[label]
        dealt = _deal(len(units), weights)
        for place, number in enumerate(random.permutation(len(units))):
            parts[units[number]] = dealt[place]
    return replace(dataset, parts=parts)


def unit_labels(dataset: Dataset) -> dict[str, Counter[str]]:
    """Return the frequency of each label in each unit."""
    amounts: dict[str, Counter[str]] = defaultdict(Counter)
    by_case = dataset.split_by == "case"
    for slide in dataset.slides:
        if by_case or not slide.shapes:
            amounts[slide.case] += Counter(_whole(slide))
        for shape in slide.shapes:
            unit = slide.case if by_case else shape.group or slide.case
            amounts[unit][shape.label or ""] += 1
    for image in dataset.images:
        amounts[image.case][image.label or ""] += 1
    return dict(amounts)


def _whole(slide: LabelledSlide) -> list[str]:
    """Return the stratum of a slide: its label, or else whether the event was observed."""
    if slide.label is None and slide.survival is not None:
        return [f"event {slide.survival.event}"]
    return [slide.label] if slide.label else []


def _deal(count: int, shares: Mapping[str, float]) -> list[str]:
    """Return ``count`` parts; each is the part that lacks most of its share."""
    total = sum(shares.values())
    held = dict.fromkeys(shares, 0)
    dealt = []
    for place in range(1, count + 1):
        part = max(shares, key=lambda name: place * shares[name] / total - held[name])
        held[part] += 1
        dealt.append(part)
    return dealt
