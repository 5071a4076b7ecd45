"""Harness of the claims: a method beside its baseline on the same data, over five seeds, pair by pair.

A claim is a function from a seed to a ``Pair``: the baseline's figure and the method's, both measured on the
same held-out items. Nothing may be chosen by looking at them. The verdict follows from the interval alone.
"""

from __future__ import annotations

import json
import math
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import numpy as np
from scipy import stats

from ml.contracts import DataError
from ml.messages import Message

SEEDS: Final = 5
COVERAGE: Final = 0.95
MEASURED: Final = Path(__file__).parent / "measured"
REPRODUCED, NOT_REPRODUCED, NO_DIFFERENCE = "reproduced", "not reproduced", "no difference"


@dataclass(frozen=True, slots=True)
class Pair:
    """Figures of one seed on ``n`` held-out items."""

    baseline: float
    method: float
    n: int


Measure = Callable[[int, Path], Pair]


@dataclass(frozen=True, slots=True)
class Claim:
    """Claim that a method is better than a baseline on one figure and data set.

    ``less`` says that a smaller figure is better. A claim against a bound has the bound as its baseline.
    ``measure(seed, scratch)`` returns the figures of one seed; ``scratch`` is an empty folder. ``gpu`` says
    that it needs one.
    """

    name: str
    method: str
    baseline: str
    metric: str
    data: str
    claim: str
    less: bool
    measure: Measure
    gpu: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Result of one claim: means over the seeds and the paired difference with its 95 % interval."""

    name: str
    method: str
    claim: str
    metric: str
    data: str
    n: int
    seeds: int
    against: str
    baseline: float
    value: float
    difference: float
    low: float
    high: float
    verdict: str
    seconds: float
    commit: str


_claims: dict[str, Claim] = {}


def claim(
    name: str,
    *,
    method: str,
    baseline: str,
    metric: str,
    data: str,
    says: str,
    less: bool = False,
    gpu: bool = False,
) -> Callable[[Measure], Measure]:
    """Register a claim under a name; ``says`` is its sentence."""

    def register(measure: Measure) -> Measure:
        if name in _claims:
            message = f"there are two claims named {name}"
            raise ValueError(message)
        _claims[name] = Claim(name, method, baseline, metric, data, says, less, measure, gpu)
        return measure

    return register


def registered() -> dict[str, Claim]:
    """Return all registered claims by name."""
    return dict(sorted(_claims.items()))


def find_claims(name: str) -> list[Claim]:
    """Return the claims of a name, of a method, or all for no name; raises DataError for none."""
    matching = [item for item in registered().values() if name in {"", item.name, item.method}]
    if not matching:
        message = Message("claim_unknown", name=name, known=", ".join(registered()))
        raise DataError(message, code="unknown_claim")
    return matching


def measure_claim(item: Claim, commit: str, seeds: Sequence[int] = range(SEEDS), at_once: int = 1) -> Row:
    """Measure a claim over its seeds, ``at_once`` of them in parallel processes.

    The interval is Student's, over the paired differences of the seeds.
    """
    began = time.perf_counter()
    if at_once > 1:
        # Fresh processes: one that has used a GPU cannot be copied.
        with ProcessPoolExecutor(at_once, mp_context=get_context("spawn")) as pool:
            pairs = list(pool.map(partial(_pair_named, item.name), seeds))
    else:
        pairs = [_pair(item, seed) for seed in seeds]
    baseline = np.array([pair.baseline for pair in pairs])
    method = np.array([pair.method for pair in pairs])
    mean, low, high = paired_interval(method - baseline)
    return Row(
        name=item.name,
        method=item.method,
        claim=item.claim,
        metric=item.metric,
        data=item.data,
        n=pairs[0].n,
        seeds=len(pairs),
        against=item.baseline,
        baseline=float(baseline.mean()),
        value=float(method.mean()),
        difference=mean,
        low=low,
        high=high,
        verdict=judge(low, high, less=item.less),
        seconds=round(time.perf_counter() - began, 1),
        commit=commit,
    )


def _pair_named(name: str, seed: int) -> Pair:
    from ml.claims import load_claims  # noqa: PLC0415 - which imports this module

    load_claims()
    return _pair(registered()[name], seed)


def _pair(item: Claim, seed: int) -> Pair:
    with tempfile.TemporaryDirectory(prefix="ml-claim-") as scratch:
        return item.measure(seed, Path(scratch))


def paired_interval(differences: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[float, float, float]:
    """Return mean, low and high of paired differences (n,); the interval is NaN for one pair."""
    mean = float(differences.mean())
    if len(differences) < 2:  # noqa: PLR2004 - one pair says nothing of how pairs vary
        return mean, math.nan, math.nan
    error = float(differences.std(ddof=1)) / math.sqrt(len(differences))
    reach = float(stats.t.ppf((1 + COVERAGE) / 2, len(differences) - 1)) * error
    return mean, mean - reach, mean + reach


def judge(low: float, high: float, *, less: bool) -> str:
    """Return the verdict on an interval of differences: reproduced, not reproduced or no difference."""
    if less:
        low, high = -high, -low
    if low > 0:
        return REPRODUCED
    return NOT_REPRODUCED if high < 0 else NO_DIFFERENCE


def store(row: Row) -> None:
    """Write a row to ``measured/<family>/<claim>.json``, from which the table is made.

    The family is that of the method, as in ``ml.methods.slides.abmil.claim``, or the module, as in
    ``ml.claims.quality``.
    """
    folder = MEASURED / _claims[row.name].measure.__module__.split(".")[2]
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(asdict(row), indent=1, ensure_ascii=False)
    (folder / f"{row.name}.json").write_text(text + "\n", encoding="utf-8")


def stored_rows() -> list[Row]:
    """Return the stored rows of claims that still exist, in the order of their names."""
    paths = sorted(MEASURED.glob("*/*.json"), key=lambda path: path.stem)
    rows = (Row(**json.loads(path.read_text(encoding="utf-8"))) for path in paths)
    return [row for row in rows if row.name in _claims]


def as_table(rows: Sequence[Row]) -> str:
    """Return rows as a Markdown table."""
    lines = [
        "| method | claim | figure | data | n | baseline | method | difference | verdict | s | commit |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| `{row.method}` | {row.claim} | {row.metric} | {row.data} | {row.n} x {row.seeds} "
        f"| {row.against}: {row.baseline:.4g} | {row.value:.4g} "
        f"| {row.difference:+.3g} ({row.low:+.3g} to {row.high:+.3g}) | {row.verdict} "
        f"| {row.seconds:.0f} | {row.commit} |"
        for row in rows
    ]
    return "\n".join(lines)
