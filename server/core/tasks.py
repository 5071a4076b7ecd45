"""Declaration of background work, and its names for services.

A task takes the id of a ``Job`` and nothing else, so that the message may be lost, doubled or old
without harm: the row is the truth. ``jobs.runner`` gives the decorated function its job.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

QUEUES: Final = ("io", "cpu", "gpu", "live")
# The pages have words for each of them.
KINDS: Final = (
    "import_slide",
    "compute_features",
    "map_quality",
    "build_atlas",
    "run_round",
    "run_prediction",
    "compare_versions",
    "explain_suggestion",
    "register_slides",
    "import_objects",
)


def _always(_job: Any) -> bool:
    return True


def _no_subject(_job: Any, _cause: BaseException | None) -> None:
    """Do nothing: the kind of job has no subject with a state."""


@dataclass(frozen=True, slots=True)
class JobKind:
    """One kind of background work: name, queue, number of attempts."""

    name: str
    queue: str
    attempts: int
    run: Callable[..., Any]
    can_run_again: Callable[[Any], bool] = _always
    ended: Callable[[Any, BaseException | None], None] = _no_subject


_kinds: dict[str, JobKind] = {}


def task(
    *,
    kind: str,
    queue: str,
    attempts: int = 2,
    can_run_again: Callable[[Any], bool] = _always,
    ended: Callable[[Any, BaseException | None], None] = _no_subject,
) -> Callable[[Callable[..., Any]], JobKind]:
    """Register ``run(job_run)`` as the work of jobs of this kind.

    ``job_run`` is a ``server.jobs.runner.JobRun``: input, progress, log, cancellation. What the
    function returns (JSON) becomes the job's result. It must be safe to run twice. ``attempts``
    counts runs after a worker died; an error that the function raises ends the job at once.
    ``can_run_again`` tells whether an ended ``Job`` still has its files, when a person asks.
    ``ended(job, cause)`` ends the state of the job's subject in the transaction in which the job fails or
    is cancelled, in whatever way: by an exception (``cause``), by a lost worker, by a person. It checks no
    permission and deletes files on commit.
    """
    if kind not in KINDS:
        message = f"unknown kind {kind!r}; choose one of {KINDS}"
        raise ValueError(message)
    if queue not in QUEUES:
        message = f"unknown queue {queue!r}; choose one of {QUEUES}"
        raise ValueError(message)

    def register(function: Callable[..., Any]) -> JobKind:
        if kind in _kinds:
            message = f"two tasks claim the kind {kind!r}"
            raise ValueError(message)
        _kinds[kind] = JobKind(kind, queue, attempts, function, can_run_again, ended)
        return _kinds[kind]

    return register


def job_kind(name: str) -> JobKind:
    """Return the registered kind; raises KeyError for a kind that no tasks module declares."""
    return _kinds[name]


def job_kinds() -> dict[str, JobKind]:
    """Return every registered kind by name."""
    return dict(_kinds)
