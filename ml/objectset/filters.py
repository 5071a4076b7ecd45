"""Filters of objects: limits on their numbers, bounds included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

_LARGEST: Final = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True)
class Limits:
    """Conditions that all must hold; None is no limit. ``area`` in square pixels."""

    min_score: float | None = None
    max_score: float | None = None
    min_uncertainty: float | None = None
    max_uncertainty: float | None = None
    min_area: float | None = None
    max_area: float | None = None

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Return the limits in a mapping with other keys besides; raises ValueError."""
        limits = {name: float(values[name]) for name in LIMITS if values.get(name) is not None}
        if not all(np.isfinite(value) for value in limits.values()):
            message = "A limit is not a number."
            raise ValueError(message)
        # The columns are 32-bit: a limit beyond what they hold is as good as their largest number.
        return cls(**{name: min(max(value, -_LARGEST), _LARGEST) for name, value in limits.items()})

    def text(self) -> str:
        """Return the limits as a short text, equal for equal limits."""
        limits = ((name, getattr(self, name)) for name in LIMITS)
        return ",".join(f"{name}={value!r}" for name, value in limits if value is not None)

    def __bool__(self) -> bool:
        return any(getattr(self, name) is not None for name in LIMITS)

    def mask(self, columns: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_] | None:
        """Return which objects satisfy the limits, bool (n,); None where there is no limit."""
        kept: NDArray[np.bool_] | None = None
        for name in LIMITS:
            limit = getattr(self, name)
            if limit is None:
                continue
            side, _, column = name.partition("_")
            values = columns[column]
            held = values >= np.float32(limit) if side == "min" else values <= np.float32(limit)
            kept = held if kept is None else kept & held
        return kept


LIMITS = tuple(field.name for field in fields(Limits))
