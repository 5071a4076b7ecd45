"""Survival of a version's held-out patients by predicted risk."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Evaluation
from ml.evaluation.survival import kaplan_meier, log_rank

Floats = NDArray[np.float64]


def survival_of(evaluation: Evaluation) -> dict[str, Any] | None:
    """Return Kaplan-Meier curves (months) of the patients below and above the median risk, with log-rank p.

    A patient with several slides counts once, with their mean risk. None where no follow-up was judged or
    all have one risk.
    """
    outcomes = evaluation.outcomes
    if not {"months", "event", "risk", "unit"} <= set(outcomes):
        return None
    months, event, risk = _by_patient(outcomes)
    median = float(np.median(risk)) if len(risk) else 0.0
    above = risk > median
    if not above.any() or above.all():
        return None
    groups = [(months[who], event[who]) for who in (~above, above)]
    test = log_rank(groups)
    return {
        "count": len(risk),
        "median_risk": median,
        "p": _known(test.p),
        "statistic": _known(test.statistic),
        "groups": [
            {"name": name, **_curve(*group)} for name, group in zip(("low", "high"), groups, strict=True)
        ],
    }


def _by_patient(outcomes: Any) -> tuple[Floats, NDArray[np.bool_], Floats]:
    _, first, member = np.unique(np.asarray(outcomes["unit"]), return_index=True, return_inverse=True)
    risk = np.bincount(member, weights=np.asarray(outcomes["risk"], dtype=np.float64)) / np.bincount(member)
    months = np.asarray(outcomes["months"], dtype=np.float64)[first]
    event = np.asarray(outcomes["event"], dtype=bool)[first]
    return months, event, risk


def _curve(months: Floats, event: NDArray[np.bool_]) -> dict[str, Any]:
    curve = kaplan_meier(months, event)
    steps = zip(curve.months, curve.share, curve.low, curve.high, curve.at_risk, strict=True)
    return {
        "count": len(months),
        "events": int(event.sum()),
        "last": float(months.max()),
        "censored": sorted(float(value) for value in months[~event]),
        "steps": [
            {
                "months": float(month),
                "share": float(share),
                "low": _known(float(low)),
                "high": _known(float(high)),
                "at_risk": int(at_risk),
            }
            for month, share, low, high, at_risk in steps
        ],
    }


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
