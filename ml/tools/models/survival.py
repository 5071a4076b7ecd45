"""``survival``: survival of patient groups: Kaplan-Meier curves, their intervals, and the log-rank test."""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ml.contracts import Context, DataError, Dataset, LabelledSlide, Survival
from ml.data import load_dataset
from ml.data.manifest import with_stored_split
from ml.data.patches import part_of
from ml.evaluation.survival import kaplan_meier, log_rank
from ml.messages import Message
from ml.methods.bases.bag_recipe import BagRecipe
from ml.methods.loading import load_model

Groups = Mapping[str, Sequence[Survival]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments: follow-up and grouping."""
    parser.add_argument("--data", type=Path, required=True, help="folder with slides.csv, months and event")
    groups = parser.add_mutually_exclusive_group()
    groups.add_argument("--by", default="", help="label, or a clinical field; a number is cut at its median")
    groups.add_argument("--model", type=Path, help="model folder of fusion with a survival head")
    parser.add_argument("--out", type=Path, help="new .json file; printed without")
    parser.add_argument("--features", type=Path, help="folder that keeps features between runs")


def run(options: argparse.Namespace) -> None:
    """Write the curves by group and the p-value of their difference."""
    dataset = load_dataset(options.data)
    if options.model is None:
        groups = groups_by(dataset.slides, options.by)
    else:
        groups = groups_by_risk(options.model, dataset, options.features)
    text = json.dumps(survival_report(groups), indent=1, ensure_ascii=False) + "\n"
    if options.out is None:
        sys.stdout.write(text)
    else:
        options.out.write_text(text, encoding="utf-8")


def groups_by(slides: Sequence[LabelledSlide], name: str) -> Groups:
    """Return the follow-up of cases by label or a clinical field; one group without a name.

    Raises DataError(``no_follow_up``) for nobody, ``bad_field`` for a field that no followed case has.
    """
    cases = {slide.case: slide for slide in slides if slide.survival is not None}
    values = {
        case: slide.label if name == "label" else slide.clinical.get(name) for case, slide in cases.items()
    }
    known = {case: value for case, value in values.items() if value is not None}
    if not cases:
        raise DataError(
            Message("survival_table_without_follow_up"),
            code="no_follow_up",
        )
    if name and not known:
        raise DataError(Message("field_never_filled", field=name), code="bad_field")
    numbers = [value for value in known.values() if isinstance(value, int | float)]
    middle = statistics.median(numbers) if len(numbers) == len(known) and len(set(numbers)) > 2 else None  # noqa: PLR2004
    groups: dict[str, list[Survival]] = defaultdict(list)
    for case, slide in cases.items():
        if slide.survival is not None and (not name or case in known):
            groups[_group(known.get(case), name, middle)].append(slide.survival)
    return dict(sorted(groups.items()))


def _group(value: float | str | None, name: str, middle: float | None) -> str:
    if not name:
        return "all"
    if middle is None or not isinstance(value, int | float):
        return str(value)
    return f"{name} {'above' if value > middle else 'up to'} {middle:g}"


def groups_by_risk(model: Path, dataset: Dataset, features: Path | None) -> Groups:
    """Return the follow-up of cases with higher and with lower risk than the training mean.

    On the data that it learned from, only cases of the test part count.
    """
    recipe = load_model(model)
    if not isinstance(recipe, BagRecipe):
        raise DataError(
            Message("model_without_survival", model=str(model)),
            code="no_risk",
        )
    split = with_stored_split(model, dataset)
    groups: dict[str, list[Survival]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="ml-") as scratch:
        context = Context(recipe.seed, Path(scratch), features=features)
        for slide in dataset.slides:
            if slide.survival is None or (split is not None and part_of(split, slide.case) != "test"):
                continue
            risk = recipe.judge(recipe.bag_of(slide, context)).risk
            if risk is None:
                raise DataError(
                    Message("model_fitted_for_labels", model=str(model)),
                    code="no_risk",
                )
            groups["higher risk" if risk > 0 else "lower risk"].append(slide.survival)
    if not groups:
        raise DataError(
            Message("no_unseen_case_followed"),
            code="no_follow_up",
        )
    return dict(sorted(groups.items()))


def survival_report(groups: Groups) -> dict[str, Any]:
    """Return each group's curve and, between two groups or more, the log-rank test, as JSON values."""
    arrays = {
        name: (np.array([item.months for item in items]), np.array([item.event for item in items]))
        for name, items in groups.items()
    }
    curves = {}
    for name, (months, event) in arrays.items():
        curve = kaplan_meier(months, event)
        curves[name] = {
            "cases": len(months),
            "events": int(event.sum()),
            "months": curve.months.tolist(),
            "share": curve.share.tolist(),
            "low": [_plain(value) for value in curve.low],
            "high": [_plain(value) for value in curve.high],
            "at_risk": curve.at_risk.tolist(),
        }
    if len(arrays) < 2:  # noqa: PLR2004 - one against another
        return {"groups": curves, "log_rank": None}
    test = log_rank(list(arrays.values()))
    figures = {"statistic": _plain(test.statistic), "freedom": test.freedom, "p": _plain(test.p)}
    return {"groups": curves, "log_rank": figures}


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
