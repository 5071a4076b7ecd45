"""Clinical fields as numbers; an indicator marks missing values."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml.contracts import DataError
from ml.messages import Message

MOST_VALUES: Final = 20
Clinical = Mapping[str, float | str | None]
Field = Mapping[str, Any]


def learn_fields(cases: Sequence[Clinical]) -> list[dict[str, Any]]:
    """Return the encoding of the fields, as JSON: numbers with mean and spread, or categories.

    A text counts by its ``MOST_VALUES`` commonest values. A field that is never filled in is left out.
    """
    fields: list[dict[str, Any]] = []
    for name in sorted({name for case in cases for name in case}):
        values = [case[name] for case in cases if case.get(name) is not None]
        if not values:
            continue
        if all(isinstance(value, int | float) for value in values):
            numbers = np.array(values, dtype=np.float64)
            spread = float(numbers.std())
            fields.append(
                {"name": name, "kind": "number", "mean": float(numbers.mean()), "spread": spread or 1.0}
            )
        else:
            common = Counter(str(value) for value in values).most_common(MOST_VALUES)
            fields.append({"name": name, "kind": "text", "values": sorted(value for value, _ in common)})
    return fields


def width_of(fields: Sequence[Field]) -> int:
    """Return the length of an encoded case."""
    return sum(2 if field["kind"] == "number" else 1 + len(field["values"]) for field in fields)


def encode_case(case: Clinical, fields: Sequence[Field]) -> NDArray[np.float32]:
    """Return the numbers (m,) of a case: each field with an indicator that is 1 where it is missing.

    A missing field has zeros beside its indicator, for which a network learns a default. A text that was
    never seen has zeros alone. Raises DataError(``bad_clinical``) for a text where a number belongs.
    """
    numbers: list[float] = []
    for field in fields:
        value = case.get(field["name"])
        numbers.append(float(value is None))
        if field["kind"] == "text":
            numbers += [float(value is not None and str(value) == known) for known in field["values"]]
        else:
            numbers.append(
                0.0 if value is None else (_number(field["name"], value) - field["mean"]) / field["spread"]
            )
    return np.array(numbers, dtype=np.float32)


def _number(name: str, value: float | str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        message = Message(
            "clinical_not_number",
            field=name,
            value=str(value),
        )
        raise DataError(message, code="bad_clinical")
    return number
