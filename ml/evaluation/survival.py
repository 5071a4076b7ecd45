"""Survival metrics: concordance, Kaplan-Meier curves, log-rank test."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ml.contracts import DataError, Evaluation
from ml.evaluation.bootstrap import estimate_share, resample_units
from ml.messages import Message

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SurvivalCurve:
    """Kaplan-Meier: at each ``months`` (m,) of an event the share that survives, and its 95 % interval.

    ``at_risk`` (m,) counts those followed until then. Greenwood's variance on the log(-log) scale.
    """

    months: Floats
    share: Floats
    low: Floats
    high: Floats
    at_risk: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LogRank:
    """The log-rank test of equal survival: ``statistic`` is chi-square with ``freedom`` degrees."""

    statistic: float
    freedom: int
    p: float


def concordance(weights: Floats, months: Floats, event: NDArray[np.bool_], risk: Floats) -> Floats:
    """Return Harrell's c (b,) under ``weights`` (b, n): of pairs whose order is known, the share ordered.

    A pair is known when the shorter follow-up ended with the event; equal risks count half. NaN without any
    such pair. Harrell, Lee and Mark, Statistics in Medicine 15:361 (1996).
    """
    first = event[:, None] & ((months[:, None] < months) | ((months[:, None] == months) & ~event))
    right = first * ((risk[:, None] > risk) + 0.5 * (risk[:, None] == risk))
    known = ((weights @ first) * weights).sum(axis=1)
    indices = np.full(len(weights), np.nan)
    np.divide(((weights @ right) * weights).sum(axis=1), known, out=indices, where=known > 0)
    return indices


def evaluate_survival(
    months: Floats, event: NDArray[np.bool_], risk: Floats, unit: NDArray[np.str_], seed: int = 0
) -> Evaluation:
    """Return ``c_index`` of n patients, with its interval from resampling whole units."""
    values = concordance(resample_units(unit, seed), months, event, risk)
    outcomes = {"months": months, "event": event, "risk": risk, "unit": unit}
    return Evaluation(
        (), {"c_index": estimate_share(values, len(np.unique(unit)))}, len(months), outcomes=outcomes
    )


def kaplan_meier(months: Floats, event: NDArray[np.bool_]) -> SurvivalCurve:
    """Return the curve of one group, by SciPy; raises DataError(``no_follow_up``) for nobody."""
    _check(months)
    times = np.unique(months[event])
    at_risk = (months >= times[:, None]).sum(axis=1)
    survival = stats.ecdf(stats.CensoredData.right_censored(months, ~event)).sf
    with warnings.catch_warnings():
        # Where nobody is left the interval is undefined, which SciPy warns of.
        warnings.simplefilter("ignore", RuntimeWarning)
        interval = survival.confidence_interval(method="log-log")
    kept = np.isin(survival.quantiles, times)
    share, low, high = (each.probabilities[kept] for each in (survival, interval.low, interval.high))
    left = share > 0
    return SurvivalCurve(times, share, np.where(left, low, 0.0), np.where(left, high, np.nan), at_risk)


def log_rank(groups: Sequence[tuple[Floats, NDArray[np.bool_]]]) -> LogRank:
    """Test groups of (months, event) for equal survival; raises DataError for fewer than two groups."""
    if len(groups) < 2:  # noqa: PLR2004 - one against another
        raise DataError(
            Message("survival_one_group"),
            code="one_group_only",
        )
    for months, _ in groups:
        _check(months)
    times = np.unique(np.concatenate([months[event] for months, event in groups]))
    risk = np.array([(months >= times[:, None]).sum(axis=1) for months, _ in groups], dtype=np.float64)
    died = np.array([((m == times[:, None]) & e).sum(axis=1) for m, e in groups], dtype=np.float64)
    total, events = risk.sum(axis=0), died.sum(axis=0)
    share = risk / np.maximum(total, 1)
    apart = (died - events * share).sum(axis=1)[:-1]
    factor = events * np.where(total > 1, (total - events) / np.maximum(total - 1, 1), 0.0)
    inside = np.eye(len(groups))[:, :, None] * share[:, None] - share[:, None] * share[None]
    variance = (inside * factor).sum(axis=2)[:-1, :-1]
    freedom = len(groups) - 1
    if not len(times) or np.linalg.matrix_rank(variance) < freedom:
        return LogRank(float("nan"), freedom, float("nan"))
    statistic = float(apart @ np.linalg.solve(variance, apart))
    return LogRank(statistic, freedom, float(stats.chi2.sf(statistic, freedom)))


def _check(months: Floats) -> None:
    if not len(months):
        raise DataError(
            Message("survival_nobody_followed"),
            code="no_follow_up",
        )
