"""The model card: method, training data, figures and limits of a model.

Mitchell et al., Model cards for model reporting, FAT* (2019).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

from ml.catalogue.registry import find_recipe
from ml.contracts import Estimate, Evaluation
from ml.messages import Message
from ml.storage.model_folder import ModelFile

_EMPTY: Final = Message("verbatim", text="")


def model_card(model: ModelFile, evaluation: Evaluation | None = None) -> str:
    """Return the card as Markdown; without an evaluation it has no figures."""
    return "\n".join(map(str, card_lines(model, evaluation))) + "\n"


def card_lines(model: ModelFile, evaluation: Evaluation | None = None) -> list[Message]:
    """Return method, data, figures and limits line by line."""
    info = find_recipe(model.recipe)
    names = {"recipe": info.name, "title": info.title}
    titles = {item.name: item.title for item in info.fields}
    labels = [*model.labels, *(["background"] if model.background else [])]
    return [
        Message("card_title", **names),
        _EMPTY,
        Message("card_summary", **names, summary=info.summary),
        _EMPTY,
        Message("card_what_it_is"),
        _EMPTY,
        Message(
            "card_recipe",
            recipe=info.name,
            version=model.version,
            seed=model.seed,
        ),
        Message("card_source", source=info.source),
        Message("card_labels", labels=", ".join(labels)),
        *(
            Message(
                "card_channel",
                channel=channel.name,
                low=f"{channel.low:g}",
                high=f"{channel.high:g}",
            )
            for channel in model.channels
        ),
        *(
            Message(
                "card_setting",
                setting=name,
                title=titles.get(name, name),
                value=Message("not_set") if value is None else str(value),
            )
            for name, value in sorted(model.config.items())
        ),
        _EMPTY,
        Message("card_learned_from"),
        _EMPTY,
        *_facts(model),
        _EMPTY,
        Message("card_how_good"),
        _EMPTY,
        *_figures(evaluation),
        _EMPTY,
        Message("card_limits"),
        _EMPTY,
        *_limits(evaluation),
    ]


def format_estimate(estimate: Estimate) -> str | Message:
    """Return a value with its interval, as far as they are known."""
    if math.isnan(estimate.value):
        return Message("not_defined")
    value = f"{estimate.value:.3f}"
    if math.isnan(estimate.low):
        return value
    return Message(
        "in_interval",
        value=value,
        low=f"{estimate.low:.3f}",
        high=f"{estimate.high:.3f}",
    )


def _facts(model: ModelFile) -> Iterator[Message]:
    """Yield the scalar facts; of a list of objects with names, the names."""
    for name, value in sorted(model.facts.items()):
        if line := _in_a_line(value):
            yield Message("card_fact", fact=name, value=line)


def _in_a_line(value: Any) -> str:
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list) and all(isinstance(item, dict) and "name" in item for item in value):
        return ", ".join(str(item["name"]) for item in value)
    if isinstance(value, dict) and not any(isinstance(item, dict | list) for item in value.values()):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    return ""


def _figures(evaluation: Evaluation | None) -> Iterator[Message]:
    if evaluation is None:
        yield Message("card_not_measured")
        return
    yield Message(
        "card_measured_on",
        count=evaluation.count,
    )
    yield Message(
        "card_wilson",
    )
    yield _EMPTY
    yield Message("card_table")
    yield Message("verbatim", text="|---|---|")
    for name, estimate in evaluation.metrics.items():
        yield Message("card_metric", metric=name, value=format_estimate(estimate))


def _limits(evaluation: Evaluation | None) -> Iterator[Message]:
    yield Message("card_research")
    yield Message(
        "card_knows_labels",
    )
    yield Message(
        "card_elsewhere",
    )
    if evaluation is not None and len(set(evaluation.outcomes.get("unit", ()))) <= 1:
        yield Message(
            "card_one_unit",
        )
