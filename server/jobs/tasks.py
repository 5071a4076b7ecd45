"""The two Celery tasks of the whole product: run a job, and sweep."""

from __future__ import annotations

from typing import Any

from celery import Celery, current_app

from server.jobs.dispatch import RUN_JOB, SWEEP
from server.jobs.runner import run_job
from server.jobs.services import sweep_jobs

SWEEP_EVERY_SECONDS = 5.0


@current_app.task(name=RUN_JOB)  # type: ignore[untyped-decorator]
def run_job_message(job_id: str) -> None:
    """Run the job that the message names."""
    run_job(job_id)


@current_app.task(name=SWEEP)  # type: ignore[untyped-decorator]
def sweep_message() -> dict[str, int]:
    """Find lost messages and dead workers."""
    return sweep_jobs()


@current_app.on_after_finalize.connect  # type: ignore[untyped-decorator]
def schedule_sweep(sender: Celery, **_: Any) -> None:
    """Let the scheduler sweep every few seconds."""
    sender.add_periodic_task(
        SWEEP_EVERY_SECONDS,
        sender.signature(SWEEP, queue="io", expires=SWEEP_EVERY_SECONDS),
        name="sweep jobs",
    )
