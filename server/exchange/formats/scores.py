"""Readers of scores and other measurements under the names that programs give them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

# Most specific first; compared without letter case, spaces, hyphens and underscores.
SCORE_NAMES: Final = (
    "score", "probability", "confidence", "prob", "detectionprobability", "classprobability",
    "classificationprobability", "predictionprobability", "typeprob", "classprob", "conf",
)  # fmt: skip
UNCERTAINTY_NAMES: Final = ("uncertainty",)
_ROLES: Final = {
    **{name: ("score", rank) for rank, name in enumerate(SCORE_NAMES)},
    **{name: ("uncertainty", rank) for rank, name in enumerate(UNCERTAINTY_NAMES)},
}
_SMALL: Final = 4096
_BAD: Final = float("nan")


class NumberNames:
    """Recogniser of score names in a file; caches each name."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[str, int] | None] = {}

    def role_of(self, name: str) -> tuple[str, int] | None:
        """Return ``score`` or ``uncertainty`` and the rank of the name among those, None for another name."""
        try:
            return self._seen[name]
        except KeyError:
            role = _ROLES.get(plain_name(name))
            if len(self._seen) < _SMALL:
                self._seen[name] = role
            return role


def plain_name(name: str) -> str:
    """Return a name for comparison: without case, spaces, hyphens and underscores."""
    return name.lower().replace("_", "").replace(" ", "").replace("-", "")


def read_measurements(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return QuPath's measurements by name, an object or, before version 0.4, a list of name and value."""
    measured = properties.get("measurements")
    if isinstance(measured, Mapping):
        return measured
    if isinstance(measured, list):
        pairs = [item for item in measured if isinstance(item, Mapping)]
        return {str(item.get("name")): item.get("value") for item in pairs}
    return {}


def read_scores(
    properties: Mapping[str, Any], measurements: Mapping[str, Any], names: NumberNames
) -> tuple[float | None, float | None]:
    """Return score and uncertainty: None without one, NaN for a value outside 0..1.

    A number among the measurements goes before one of the same rank among the properties.
    """
    best: dict[str, tuple[int, Any]] = {}
    for source in (measurements, properties):
        for name, value in source.items():
            role = names.role_of(name)
            if role is None or value is None:
                continue
            kind, rank = role
            if kind not in best or rank < best[kind][0]:
                best[kind] = rank, value
    score, uncertainty = best.get("score"), best.get("uncertainty")
    return _share(score[1]) if score else None, _share(uncertainty[1]) if uncertainty else None


def numbers_of(measurements: Mapping[str, Any]) -> dict[str, float]:
    """Return the measurements that are finite numbers."""
    return {
        str(name): float(value)
        for name, value in measurements.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and _is_finite(value)
    }


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _share(value: Any) -> float:
    """Return a number from 0 to 1, NaN for anything else."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return _BAD
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        return _BAD
    return float(value)
