"""Claims of recipes that combine several models and of recipes that calibrate confidence."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Final

import numpy as np
from scipy.special import softmax

from ml.claims.harness import Pair, claim
from ml.claims.tiles import SMALL, colorectal, context_of, figure, fit, measure
from ml.contracts import Dataset
from ml.evaluation import weighted
from ml.methods.bases.member_recipe import MemberRecipe
from ml.methods.bases.patch_recipe import TrainingTable
from ml.methods.combining.ensemble.recipe import Ensemble
from ml.methods.combining.mutual.recipe import Mutual
from ml.training.logistic import fit_temperature

PATCH: Final = {"patch": 112, "stride": 112}
MEMBERS: Final = "descriptors, convolutional(encoder=small; pixels=48; epochs=14; patience=14)"


def _log_loss(probability: np.ndarray[tuple[int, int], np.dtype[np.float64]], known: TrainingTable) -> float:
    return float(weighted.log_loss(np.ones((1, len(known.truth))), known.truth, probability)[0])


def _joined(name: str, seed: int, scratch: Path, data: Dataset) -> Pair:
    """Return the log-loss of the best member on the validation part, and that of the combination."""
    recipe = fit(name, data, scratch, seed, **PATCH, members=MEMBERS)
    if not isinstance(recipe, MemberRecipe):
        raise TypeError
    run = context_of(scratch, seed)
    held, test = (recipe.gather(data, run, (part,)) for part in ("validation", "test"))
    losses = [_log_loss(held.rows[:, k], held) for k in range(len(recipe.members))]
    best = int(np.argmin(losses))
    return Pair(_log_loss(test.rows[:, best], test), _log_loss(recipe.judge(test.rows), test), len(test.rows))


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
    return _joined("voting", seed, scratch, colorectal(seed, train=100, validation=30, test=100))


@claim(
    "stacking-member",
    method="stacking",
    baseline="its best member",
    metric="log-loss",
    data="tiles/colorectal, 3 labels, 390 to learn from",
    says="a regression on out-of-fold answers beats the better member",
    less=True,
)
def stacking_member(seed: int, scratch: Path) -> Pair:
    """Measure stacking; members are trained once per fold, then on the whole training part."""
    return _joined("stacking", seed, scratch, colorectal(seed, train=100, validation=30, test=100))


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
    if not isinstance(recipe, Ensemble):
        raise TypeError
    run = context_of(scratch, seed)
    held, test = (recipe.gather(data, run, (part,)) for part in ("validation", "test"))
    warmth = fit_temperature(recipe.scores(held.rows)[0], held.targets, np.ones(len(held.rows)))
    one = softmax(recipe.scores(test.rows)[0] / warmth, axis=1)
    return Pair(_log_loss(one, test), _log_loss(recipe.judge(test.rows), test), len(test.rows))


@functools.cache
def _taught(seed: int, teaching: float) -> dict[str, float]:
    """Return the log-loss of the first of two networks, and of the mean of both; cached for the run."""
    with tempfile.TemporaryDirectory(prefix="ml-claim-") as folder:
        scratch = Path(folder)
        data = colorectal(seed, train=100, validation=30, test=100)
        answer = "mean" if teaching else "first"
        recipe = fit("mutual", data, scratch, seed, **SMALL, teaching=teaching, answer=answer)
        if not isinstance(recipe, Mutual):
            raise TypeError
        run = context_of(scratch, seed)
        held = recipe.gather(data, run, ("validation",))
        log_losses = {}
        for name in ("first", "mean"):
            recipe.answer_by(name)
            recipe.calibrate(held, run)
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


@functools.cache
def _kept(seed: int) -> dict[str, float]:
    """Return the figures of one run, which two claims share."""
    with tempfile.TemporaryDirectory(prefix="ml-claim-") as folder:
        scratch = Path(folder)
        data = colorectal(seed, train=120, validation=30, test=150)
        evaluation = measure(fit("uncertainty", data, scratch, seed, **PATCH), data, scratch)
    return {name: figure(evaluation, name) for name in ("auc", "kept_auc", "kept_share")}


@claim(
    "uncertainty-kept",
    method="uncertainty",
    baseline="all patches",
    metric="area under the curve (macro)",
    data="tiles/colorectal, 3 labels, 450 to learn from",
    says="patches that are kept have a higher area under the curve than all",
)
def uncertainty_kept(seed: int, _scratch: Path) -> Pair:
    """Measure patches kept below a limit from nested folds of the training part."""
    figures = _kept(seed)
    return Pair(figures["auc"], figures["kept_auc"], 450)


@claim(
    "uncertainty-share",
    method="uncertainty",
    baseline="a bound of half",
    metric="share of patches kept",
    data="tiles/colorectal, 3 labels, 450 to learn from",
    says="more than half of all patches are kept",
)
def uncertainty_share(seed: int, _scratch: Path) -> Pair:
    """Measure the share of patches that are kept, with the runs of the claim on the area under the curve."""
    return Pair(0.5, _kept(seed)["kept_share"], 450)


@claim(
    "conformal-coverage",
    method="conformal",
    baseline="the promise of 0.90, less 0.03",
    metric="share of sets that hold the truth",
    data="tiles/colorectal, 3 labels, 300 tiles to fit sets by",
    says="sets keep their promise of nine in ten, within three points",
)
def conformal_coverage(seed: int, scratch: Path) -> Pair:
    """Measure the coverage of label sets fitted to one half of an independent validation part."""
    data = colorectal(seed, train=80, validation=200, test=200)
    model = fit("ensemble", _without_validation(data), scratch / "model", seed, **PATCH)
    model.save(scratch / "saved")
    recipe = fit("conformal", data, scratch / "sets", seed, source=str(scratch / "saved"), error=0.1)
    evaluation = measure(recipe, data, scratch / "sets")
    return Pair(0.87, figure(evaluation, "coverage"), evaluation.count)


def _without_validation(data: Dataset) -> Dataset:
    images = tuple(image for image in data.images if data.parts[image.case] == "train")
    return Dataset(data.labels, images=images, parts=data.parts)


@claim(
    "calibration-temperature",
    method="calibration",
    baseline="the same scores without temperature",
    metric="expected calibration error",
    data="tiles/colorectal, 3 labels, 390 to learn from",
    says="a temperature from held-out tiles lowers the calibration error",
    less=True,
)
def calibration_temperature(seed: int, scratch: Path) -> Pair:
    """Measure the calibration of one network that is trained to the end, so that it is overconfident."""
    data = colorectal(seed, train=100, validation=30, test=150)
    config = {**SMALL, "epochs": 30, "patience": 30}
    recipe = fit("convolutional", data, scratch, seed, **config)
    after = measure(recipe, data, scratch)
    recipe.temperature = 1.0
    before = measure(recipe, data, scratch)
    return Pair(figure(before, "ece"), figure(after, "ece"), after.count)
