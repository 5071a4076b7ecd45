"""The model card: what a model is, what it learned from, how good it is, and where it ends.

Mitchell et al., Model cards for model reporting, FAT* (2019).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from ml.catalogue import find_recipe
from ml.contracts import Estimate, Evaluation
from ml.recipes.model_folder import ModelFile


def model_card(model: ModelFile, evaluation: Evaluation | None = None) -> str:
    """Return Markdown: the method, the data, the figures (none without an evaluation), the limits."""
    info = find_recipe(model.recipe)
    lines = [
        f"# {info.title}",
        "",
        info.summary,
        "",
        "## What it is",
        "",
        f"- Recipe: `{info.name}`, version {model.version}, seed {model.seed}",
        f"- Source: {info.source}",
        f"- Labels: {', '.join(model.labels)}" + (", background" if model.background else ""),
        *(
            f"- Channel: {channel.name}, from {channel.low:g} to {channel.high:g}"
            for channel in model.channels
        ),
        *(f"- {name}: {value}" for name, value in sorted(model.config.items())),
        "",
        "## What it learned from",
        "",
        *_facts(model),
        "",
        "## How good it is",
        "",
        *_figures(evaluation),
        "",
        "## Limits",
        "",
        *_limits(evaluation),
    ]
    return "\n".join(lines) + "\n"


def in_words(estimate: Estimate) -> str:
    """Return a value with its interval, as far as they are known."""
    if math.isnan(estimate.value):
        return "not defined"
    if math.isnan(estimate.low):
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"


def _facts(model: ModelFile) -> Iterator[str]:
    """Yield what is plain among the facts; of a list of things with names, the names."""
    for name, value in sorted(model.facts.items()):
        if isinstance(value, str | int | float):
            yield f"- {name}: {value}"
        elif (
            isinstance(value, list)
            and value
            and all(isinstance(item, dict) and "name" in item for item in value)
        ):
            yield f"- {name}: {', '.join(str(item['name']) for item in value)}"
        elif isinstance(value, dict) and not any(isinstance(item, dict | list) for item in value.values()):
            yield f"- {name}: {', '.join(f'{key} {item}' for key, item in value.items())}"


def _figures(evaluation: Evaluation | None) -> Iterator[str]:
    if evaluation is None:
        yield "Not measured."
        return
    yield f"On {evaluation.count} held-out items, with 95 % intervals over cases or regions."
    yield "A figure of 0 or 1 has Wilson's interval, in which each case or region counts once."
    yield ""
    yield "| metric | value |"
    yield "|---|---|"
    for name, estimate in evaluation.metrics.items():
        yield f"| {name} | {in_words(estimate)} |"


def _limits(evaluation: Evaluation | None) -> Iterator[str]:
    yield "- For research, not for diagnosis."
    yield "- It knows the labels above only: other tissue is given one of them, or background."
    yield "- Other scanners, stains and organs than those it learned from must be measured first."
    if evaluation is not None and len(set(evaluation.outcomes.get("unit", ()))) <= 1:
        yield "- The figures come from one case or region: how they vary is unknown."
