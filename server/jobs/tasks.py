"""The single Celery task: run a job."""

from __future__ import annotations

from celery import current_app

from server.jobs.dispatch import RUN_JOB
from server.jobs.runner import run_job


@current_app.task(name=RUN_JOB)  # type: ignore[untyped-decorator]
def run_job_message(job_id: str) -> None:
    """Run the job of a message."""
    run_job(job_id)
