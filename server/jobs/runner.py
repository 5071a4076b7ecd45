"""Execution of one job: heartbeat, progress, log, cancellation, and an end that is always stored."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import close_old_connections, connection

from ml.contracts import CancelledError, DataError
from ml.messages import Message
from ml.slides.errors import SlideError
from server.core.children.slide_reader import slides_read_in_children
from server.core.errors import DomainError
from server.core.files.disk import NO_SPACE, disk_full, is_disk_full
from server.core.tasks import job_kind
from server.jobs.events.log import write_event
from server.jobs.models import Job, JobEvent
from server.jobs.scratch import drop_scratch, scratch_folder
from server.jobs.selectors import running_attempt
from server.jobs.services import finish_job, hand_back_job, report_progress, start_job, store_heartbeat
from server.jobs.stopping import held, is_stopping

log = logging.getLogger(__name__)

REPORT_EVERY_SECONDS = 0.25


class JobRun:
    """Interface of a task to its job: input, progress, log."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.input: dict[str, Any] = job.input
        self.actor = job.created_by
        self._told_at = 0.0
        self._told: tuple[float, Message | None] = (-1.0, None)

    def report(self, progress: float, message: Message | None = None) -> None:
        """Report the progress (0..1); raises CancelledError when the job was cancelled.

        Writes to the database at most four times a second, so it may be called in a tight loop.
        """
        self._stop_with_the_worker()
        now = time.monotonic()
        if now - self._told_at < REPORT_EVERY_SECONDS:
            return
        self._told_at = now
        progress = min(max(float(progress), 0.0), 1.0)
        message = message or self._told[1]
        if not report_progress(self.job, progress, message):
            raise CancelledError
        if (round(progress, 3), message) != self._told:
            self._told = (round(progress, 3), message)
            self._tell(
                JobEvent.Kind.PROGRESS,
                {"progress": progress, "message": message.as_json() if message else None},
            )

    @property
    def scratch(self) -> Path:
        """A folder that outlives this attempt, so that the next one can resume from its content."""
        return scratch_folder(self.job)

    def check_cancelled(self) -> None:
        """Raise CancelledError when the job was cancelled or taken over; reads the row each time."""
        self._stop_with_the_worker()
        if not running_attempt(self.job).exists():
            raise CancelledError

    def log(self, message: Message, level: str = "info") -> None:
        """Add a line to the log that members read; details for operators go to the server's log."""
        self._tell(JobEvent.Kind.LOG, {"level": level, "message": message.as_json()})

    def update(self, **data: Any) -> None:
        """Notify clients that an output of the job has grown, for instance a heat map."""
        self._tell(JobEvent.Kind.UPDATE, data)

    def _stop_with_the_worker(self) -> None:
        """Raise CancelledError when the worker is being stopped: another one resumes the job."""
        if is_stopping():
            raise CancelledError

    def _tell(self, kind: JobEvent.Kind, data: dict[str, Any]) -> None:
        write_event(kind, data, job=self.job)


class _Heart(threading.Thread):
    """Heartbeat thread of a run, which beats also during a long computation."""

    def __init__(self, job: Job) -> None:
        super().__init__(name=f"heart of job {job.pk}", daemon=True)
        self._job = job
        self._stopped = threading.Event()

    def run(self) -> None:
        """Beat until stopped."""
        while not self._stopped.wait(settings.JOB_HEARTBEAT_SECONDS):
            try:
                store_heartbeat(self._job)
            except Exception:
                log.exception("a heartbeat was missed")
        connection.close()

    def stop(self) -> None:
        """Stop and wait for the last beat."""
        self._stopped.set()
        self.join()


def run_job(job_id: UUID | str, *, with_heart: bool = True) -> None:
    """Run a job to its end, whatever the end is. Duplicate and late messages do nothing."""
    if with_heart:
        close_old_connections()
    job = None if is_stopping() else start_job(job_id)
    if job is None:
        return
    heart = _Heart(job) if with_heart else None
    if heart:
        heart.start()
    run = JobRun(job)
    try:
        with held(job), slides_read_in_children():
            _run_to_the_end(run)
    finally:
        if heart:
            heart.stop()


def _run_to_the_end(run: JobRun) -> None:
    job = run.job
    try:
        result = job_kind(job.kind).run(run)
        if finish_job(job, Job.State.SUCCEEDED, result=result):
            drop_scratch(job)
    except Exception as error:  # noqa: BLE001 - told apart below
        # Whatever goes wrong while the worker is being stopped may do so because of that.
        if is_stopping():
            hand_back_job(job)
        else:
            _finish_badly(run, error)


def _finish_badly(run: JobRun, error: Exception) -> None:
    job = run.job
    if isinstance(error, CancelledError):
        if finish_job(job, Job.State.CANCELLED, cause=error):
            drop_scratch(job)
        return
    if is_disk_full(error):
        code, text = NO_SPACE, disk_full()
    elif isinstance(error, DomainError):
        code, text = error.specific_code, error.detail
    elif isinstance(error, DataError | SlideError):
        code, text = error.code, error.detail
    else:
        # What the error says may name paths, rows and people: it is for who runs the server.
        log.error("job %s (%s) failed", job.pk, job.kind, exc_info=error)
        code = "internal_error"
        text = Message(
            "not_foreseen",
            job=str(job.pk),
        )
    finish_job(job, Job.State.FAILED, error_code=code, error=text, cause=error)
