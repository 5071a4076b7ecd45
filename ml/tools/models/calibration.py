"""``calibration``: the calibration of a model's confidence, before and after its temperature."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from ml.contracts import Context, DataError, Settings
from ml.data import load_dataset
from ml.data.manifest import with_stored_split
from ml.data.match import match_labels
from ml.data.training_table import TrainingTable
from ml.evaluation.classification import evaluate_classes
from ml.evaluation.conformal import conformal_limit, coverage, label_sets
from ml.messages import Message
from ml.methods.bases.patch_recipe import PatchRecipe
from ml.methods.loading import load_model
from ml.storage.model_folder import read_model

METRICS = ("nll", "brier", "ece")
HALF = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments: model, data, and error rate of the sets."""
    parser.add_argument("--model", type=Path, required=True, help="model folder of a recipe for patches")
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled data")
    parser.add_argument("--error", type=float, default=0.1, help="share of sets that may miss the truth")
    parser.add_argument("--json", action="store_true")


def run(options: argparse.Namespace) -> None:
    """Print log-loss, Brier score and calibration error on held-out data, and coverage of label sets."""
    report = calibration_report(options.model, options.data, options.error)
    if options.json:
        sys.stdout.write(json.dumps(report, indent=2) + "\n")
        return
    sys.stdout.write(f"{report['count']} items, temperature {report['temperature']:.3f}\n")
    for name in METRICS:
        before, after = report["before"][name], report["after"][name]
        sys.stdout.write(f"{name:<8}{before:.4f} without temperature, {after:.4f} with\n")
    sys.stdout.write(
        f"sets of error {options.error:g}: hold the truth {report['coverage']:.3f}, "
        f"{report['set_size']:.2f} labels on average\n"
    )


def calibration_report(folder: Path, data: Path, error: float) -> dict[str, Any]:
    """Return the figures; sets are fitted on one half of the units and measured on the other."""
    model, loaded = read_model(folder), load_dataset(data)
    known = with_stored_split(folder, loaded)
    recipe = load_model(folder)
    if not isinstance(recipe, PatchRecipe):
        message = Message("calibration_needs_patches", folder=str(folder), title=recipe.title)
        raise DataError(message, code="bad_source")
    with tempfile.TemporaryDirectory(prefix="ml-") as scratch:
        context = Context(model.seed, Path(scratch))
        dataset = match_labels(known or loaded, model.labels)
        held = recipe.gather(dataset, context, ("test" if known else "all",))
    held = held.take(held.truth >= 0)
    temperature = recipe.temperature
    figures = {}
    for name, value in (("before", 1.0), ("after", temperature)):
        recipe.temperature = value
        figures[name] = _measured(recipe, held, model.seed)
    recipe.temperature = temperature
    return {
        "count": len(held.rows),
        "temperature": temperature,
        **figures,
        **_sets(recipe, held, error, model.seed),
    }


def _measured(recipe: PatchRecipe[Settings], held: TrainingTable, seed: int) -> dict[str, float]:
    probability = recipe.judge(held.rows).astype(np.float32)
    metrics = evaluate_classes(recipe.classes, held.truth, probability, held.units, seed).metrics
    return {name: metrics[name].value for name in METRICS}


def _sets(recipe: PatchRecipe[Settings], held: TrainingTable, error: float, seed: int) -> dict[str, float]:
    names, member = np.unique(held.units, return_inverse=True)
    first = np.isin(member, np.random.default_rng(seed).permutation(len(names))[::HALF])
    if first.all():
        message = Message("sets_need_two_cases")
        raise DataError(message, code="too_few")
    one, two = held.take(first), held.take(~first)
    limit = conformal_limit(one.truth, recipe.judge(one.rows), error)
    sets = label_sets(recipe.judge(two.rows), limit)
    return {
        "limit": limit,
        "coverage": float(coverage(two.truth, sets).mean()),
        "set_size": float(sets.sum(axis=1).mean()),
    }
