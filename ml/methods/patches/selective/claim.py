"""Claims of ``selective``."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ml.claims.harness import Pair, claim
from ml.claims.tiles import SMALL, colorectal, figure, fit, measure

SIDE: Final = 32


@claim(
    "selective-gate",
    method="selective",
    baseline="every drawn patch, without the gate",
    metric="macro F1",
    data="tiles/colorectal, 3 labels, 150 to learn from; drawing stopped early",
    says="the gate keeps poor drawings from doing harm",
)
def selective_gate(seed: int, scratch: Path) -> Pair:
    """Measure the gate on drawings after 40 steps of training, which are poor; it should reject them."""
    data = colorectal(seed, train=50, validation=40, test=100)
    config = {**SMALL, "pixels": SIDE, "drawn": 150, "steps": 40, "width": 8, "steered": False}
    evaluations = [
        measure(fit("selective", data, scratch / str(always), seed, **config, always=always), data, scratch)
        for always in (True, False)
    ]
    return Pair(figure(evaluations[0], "f1_macro"), figure(evaluations[1], "f1_macro"), evaluations[0].count)


@claim(
    "selective-plain",
    method="selective",
    baseline="real patches only, less 0.02",
    metric="macro F1",
    data="tiles/colorectal, 3 labels, 150 to learn from; drawing stopped early",
    says="with its gate, selective augmentation loses no more than two points against real patches only",
)
def selective_plain(seed: int, scratch: Path) -> Pair:
    """Measure training with and without drawn tiles; the gate opens only for a significant gain."""
    data = colorectal(seed, train=50, validation=40, test=100)
    config = {**SMALL, "pixels": SIDE, "width": 8, "steered": False, "steps": 40}
    plain = fit("selective", data, scratch / "plain", seed, **config, drawn=1, least=1.0)
    gated = fit("selective", data, scratch / "gated", seed, **config, drawn=150)
    evaluations = [measure(recipe, data, scratch) for recipe in (plain, gated)]
    return Pair(
        figure(evaluations[0], "f1_macro") - 0.02, figure(evaluations[1], "f1_macro"), evaluations[0].count
    )
