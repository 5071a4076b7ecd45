"""The model card: method, training data, figures and limits of a model.

Mitchell et al., Model cards for model reporting, FAT* (2019).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from ml.catalogue.registry import find_recipe
from ml.contracts import Estimate, Evaluation, Sentence
from ml.storage.model_folder import ModelFile


def model_card(model: ModelFile, evaluation: Evaluation | None = None) -> str:
    """Return the card as Markdown; without an evaluation it has no figures."""
    return "\n".join(card_lines(model, evaluation)) + "\n"


def card_lines(model: ModelFile, evaluation: Evaluation | None = None) -> list[str]:
    """Return method, data, figures and limits line by line; translatable lines are a Sentence."""
    info = find_recipe(model.recipe)
    names = {"recipe": info.name, "title": info.title}
    titles = {item.name: item.title for item in info.fields}
    labels = [*model.labels, *(["background"] if model.background else [])]
    return [
        Sentence("card_title", "# {title}", **names),
        "",
        Sentence("card_summary", "{summary}", **names, summary=info.summary),
        "",
        Sentence("card_what_it_is", "## What it is"),
        "",
        Sentence(
            "card_recipe",
            "- Recipe: `{recipe}`, version {version}, seed {seed}",
            recipe=info.name,
            version=model.version,
            seed=model.seed,
        ),
        Sentence("card_source", "- Source: {source}", source=info.source),
        Sentence("card_labels", "- Labels: {labels}", labels=", ".join(labels)),
        *(
            Sentence(
                "card_channel",
                "- Channel: {channel}, from {low} to {high}",
                channel=channel.name,
                low=f"{channel.low:g}",
                high=f"{channel.high:g}",
            )
            for channel in model.channels
        ),
        *(
            Sentence(
                "card_setting",
                "- {title} ({setting}): {value}",
                setting=name,
                title=titles.get(name, name),
                value=Sentence("not_set", "not set") if value is None else str(value),
            )
            for name, value in sorted(model.config.items())
        ),
        "",
        Sentence("card_learned_from", "## What it learned from"),
        "",
        *_facts(model),
        "",
        Sentence("card_how_good", "## How good it is"),
        "",
        *_figures(evaluation),
        "",
        Sentence("card_limits", "## Limits"),
        "",
        *_limits(evaluation),
    ]


def format_estimate(estimate: Estimate) -> str:
    """Return a value with its interval, as text, as far as they are known."""
    if math.isnan(estimate.value):
        return Sentence("not_defined", "not defined")
    value = f"{estimate.value:.3f}"
    if math.isnan(estimate.low):
        return value
    return Sentence(
        "in_interval",
        "{value} ({low} to {high})",
        value=value,
        low=f"{estimate.low:.3f}",
        high=f"{estimate.high:.3f}",
    )


def _facts(model: ModelFile) -> Iterator[Sentence]:
    """Yield the scalar facts; of a list of objects with names, the names."""
    for name, value in sorted(model.facts.items()):
        if line := _in_a_line(value):
            yield Sentence("card_fact", "- {fact}: {value}", fact=name, value=line)


def _in_a_line(value: Any) -> str:
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list) and all(isinstance(item, dict) and "name" in item for item in value):
        return ", ".join(str(item["name"]) for item in value)
    if isinstance(value, dict) and not any(isinstance(item, dict | list) for item in value.values()):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    return ""


def _figures(evaluation: Evaluation | None) -> Iterator[str]:
    if evaluation is None:
        yield Sentence("card_not_measured", "Not measured.")
        return
    yield Sentence(
        "card_measured_on",
        "On {count} held-out items, with 95 % intervals over cases or regions.",
        count=evaluation.count,
    )
    yield Sentence(
        "card_wilson",
        "A figure of 0 or 1 has Wilson's interval, in which each case or region counts once.",
    )
    yield ""
    yield Sentence("card_table", "| metric | value |")
    yield "|---|---|"
    for name, estimate in evaluation.metrics.items():
        yield Sentence("card_metric", "| {metric} | {value} |", metric=name, value=format_estimate(estimate))


def _limits(evaluation: Evaluation | None) -> Iterator[Sentence]:
    yield Sentence("card_research", "- For research, not for diagnosis.")
    yield Sentence(
        "card_knows_labels",
        "- It knows the labels above only: other tissue is given one of them, or background.",
    )
    yield Sentence(
        "card_elsewhere",
        "- Other scanners, stains and organs than those it learned from must be measured first.",
    )
    if evaluation is not None and len(set(evaluation.outcomes.get("unit", ()))) <= 1:
        yield Sentence(
            "card_one_unit",
            "- The figures come from one case or region: how they vary is unknown.",
        )
