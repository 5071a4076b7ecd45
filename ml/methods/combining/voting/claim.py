"""Claim of ``voting``."""

from __future__ import annotations

from pathlib import Path

from ml.claims.combining import compare_with_best_member
from ml.claims.harness import Pair, claim
from ml.claims.tiles import colorectal


@claim(
    "voting-member",
    method="voting",
    baseline="its best member",
    metric="log-loss",
    data="tiles/colorectal, 3 labels, 390 to learn from",
    says="descriptors and a network that vote beat the better of them",
    less=True,
)
def voting_member(seed: int, scratch: Path) -> Pair:
    """Measure the vote and the member that is better on the validation part."""
    return compare_with_best_member(
        "voting", seed, scratch, colorectal(seed, train=100, validation=30, test=100)
    )
