"""Claim of ``contrastive-mil``."""

from __future__ import annotations

from pathlib import Path

from ml.claims import phantom_bags as made
from ml.claims.harness import Pair, claim
from ml.claims.slides import AREA, MEASURE


@claim(
    "contrastive-mil",
    method="contrastive-mil",
    baseline="the same network with random weights",
    metric=AREA,
    data="phantom bags of 80 tiles, 12 labelled and 80 unlabelled slides to learn from",
    says="under a linear probe, contrasted slides beat random weights",
)
def _contrastive(seed: int, scratch: Path) -> Pair:
    few, held = made.draw(made.mixtures, 12, seed, 0), made.draw(made.mixtures, 12, seed, 1)
    bags = ([*few, *made.forgotten(made.draw(made.mixtures, 80, seed, 3))], held)
    test = made.draw(made.mixtures, MEASURE, seed, 2)
    figures = [
        made.bag_auc(
            made.learned("contrastive-mil", scratch, seed, bags, contrast_epochs=epochs, subset=40), test
        )
        for epochs in (0, 60)
    ]
    return Pair(figures[0], figures[1], len(test))
