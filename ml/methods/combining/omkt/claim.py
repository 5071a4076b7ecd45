"""Claim of ``omkt``."""

from __future__ import annotations

from pathlib import Path

from ml.claims.harness import Pair, claim
from ml.claims.tiles import SMALL, colorectal, figure, fit, measure


@claim(
    "omkt-alone",
    method="omkt",
    baseline="one of its networks alone",
    metric="log-loss",
    data="tiles/colorectal, 3 labels, 390 to learn from",
    says="fused features of two networks that teach each other beat one network alone",
    less=True,
)
def omkt_alone(seed: int, scratch: Path) -> Pair:
    """Measure a single network and the fused pair, both small, so that the claim runs in minutes."""
    data = colorectal(seed, train=100, validation=30, test=100)
    alone = fit("mutual", data, scratch / "a", seed, **SMALL, answer="first", teaching=0.0)
    fused = fit("omkt", data, scratch / "b", seed, **SMALL, second="small")
    evaluations = [measure(recipe, data, scratch) for recipe in (alone, fused)]
    return Pair(figure(evaluations[0], "nll"), figure(evaluations[1], "nll"), evaluations[0].count)
