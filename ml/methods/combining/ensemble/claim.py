"""Claim of ``ensemble``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.special import softmax

from ml.claims.combining import PATCH, log_loss
from ml.claims.harness import Pair, claim
from ml.claims.tiles import colorectal, context_of, fit
from ml.methods.combining.ensemble.recipe import EnsemblePredictor
from ml.training.logistic import fit_temperature


@claim(
    "ensemble-head",
    method="ensemble",
    baseline="one of its heads",
    metric="log-loss",
    data="tiles/colorectal, 3 labels, 390 to learn from",
    says="the mean of ten heads lowers the log-loss of one",
    less=True,
)
def ensemble_head(seed: int, scratch: Path) -> Pair:
    """Measure both with a temperature from the same validation part."""
    data = colorectal(seed, train=100, validation=30, test=100)
    recipe = fit("ensemble", data, scratch, seed, **PATCH, members=10)
    predictor = recipe.parts.predictor
    if not isinstance(predictor, EnsemblePredictor):
        raise TypeError
    run = context_of(scratch, seed)
    held, test = (recipe.gather(data, run, (part,)) for part in ("validation", "test"))
    warmth = fit_temperature(predictor.heads.scores(held.rows)[0], held.targets, np.ones(len(held.rows)))
    one = softmax(predictor.heads.scores(test.rows)[0] / warmth, axis=1)
    return Pair(log_loss(one, test), log_loss(recipe.judge(test.rows), test), len(test.rows))
