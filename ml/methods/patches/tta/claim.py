"""Claim of ``tta``."""

from __future__ import annotations

from pathlib import Path

from ml.claims.harness import Pair, claim
from ml.claims.tiles import PLAIN, colorectal, figure, fit, measure


@claim(
    "tta-log-loss",
    method="tta",
    baseline="the model that it asks",
    metric="log-loss",
    data="tiles/colorectal, 3 labels, 390 to learn from",
    says="the mean over the eight symmetries lowers the log-loss",
    less=True,
)
def tta_log_loss(seed: int, scratch: Path) -> Pair:
    """Measure the log-loss with and without averaging; training used all symmetries as well."""
    data = colorectal(seed, train=100, validation=30, test=100)
    model = fit("convolutional", data, scratch / "inner", seed, **PLAIN)
    model.save(scratch / "model")
    asked = fit("tta", data, scratch / "tta", seed, source=str(scratch / "model"))
    alone, averaged = (measure(recipe, data, scratch / "tta") for recipe in (model, asked))
    return Pair(figure(alone, "nll"), figure(averaged, "nll"), averaged.count)
