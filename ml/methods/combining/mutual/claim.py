"""Claims of ``mutual``."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from ml.claims.harness import Pair, claim
from ml.claims.tiles import SMALL, colorectal, context_of, figure, fit, measure
from ml.methods.bases.network_parts import network_predictor
from ml.networks.mutual import Peers
from ml.training.patch_trainer import calibrate


@functools.cache
def _taught(seed: int, teaching: float) -> dict[str, float]:
    """Return the log-loss of the first of two networks, and of the mean of both; cached for the run."""
    with tempfile.TemporaryDirectory(prefix="ml-claim-") as folder:
        scratch = Path(folder)
        data = colorectal(seed, train=100, validation=30, test=100)
        answer = "mean" if teaching else "first"
        recipe = fit("mutual", data, scratch, seed, **SMALL, teaching=teaching, answer=answer)
        predictor = network_predictor(recipe)
        peers = predictor.network.fitted() if predictor is not None else None
        if predictor is None or not isinstance(peers, Peers):
            raise TypeError
        run = context_of(scratch, seed)
        held = recipe.gather(data, run, ("validation",))
        log_losses = {}
        for name in ("first", "mean"):
            peers.answer = name
            calibrate(predictor, held, run)
            log_losses[name] = figure(measure(recipe, data, scratch), "nll")
    return log_losses


@claim(
    "mutual-alone",
    method="mutual",
    baseline="the same network alone",
    metric="log-loss",
    data="tiles/colorectal, 3 labels, 390 to learn from",
    says="a member of two that teach each other beats the same network alone",
    less=True,
)
def mutual_alone(seed: int, _scratch: Path) -> Pair:
    """Measure one member; without mutual learning the members are independent."""
    return Pair(_taught(seed, 0.0)["first"], _taught(seed, 1.0)["first"], 300)


@claim(
    "mutual-members",
    method="mutual",
    baseline="one network alone",
    metric="log-loss",
    data="tiles/colorectal, 3 labels, 390 to learn from",
    says="two networks that teach each other, averaged, beat one alone",
    less=True,
)
def mutual_members(seed: int, _scratch: Path) -> Pair:
    """Measure the mean of members that learn from each other."""
    return Pair(_taught(seed, 0.0)["first"], _taught(seed, 1.0)["mean"], 300)
