"""Running one job: heartbeat, progress, log, cancellation, and an end that is always written."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import close_old_connections, connection
from django.utils import timezone

from ml.contracts import CancelledError, DataError, Sentence, sentence_parts
from ml.data.room import is_full
from ml.slides.errors import SlideError
from server.core.errors import DomainError
from server.core.tasks import job_kind
from server.jobs.models import Job, JobEvent
from server.jobs.scratch import drop_scratch, scratch_folder
from server.jobs.services import finish_job, start_job

log = logging.getLogger(__name__)

REPORT_EVERY_SECONDS = 0.25


class JobRun:
    """What a task is given: its job, and ways to tell how it goes."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.input: dict[str, Any] = job.input
        self.actor = job.created_by
        self._told_at = 0.0
        self._told = (-1.0, "")

    def report(self, progress: float, message: str = "") -> None:
        """Tell how far the run is (0..1); raises CancelledError when it was cancelled.

        Writes to the database at most four times a second, so it may be called in a tight loop.
        """
        now = time.monotonic()
        if now - self._told_at < REPORT_EVERY_SECONDS:
            return
        self._told_at = now
        progress = min(max(float(progress), 0.0), 1.0)
        message = message or self._told[1]
        mine = Job.objects.filter(pk=self.job.pk, state=Job.State.RUNNING, attempt=self.job.attempt)
        told = sentence_parts(message)
        alive = mine.filter(cancel_requested_at__isnull=True).update(
            progress=progress,
            message=told["message"][:500],
            message_code=told["code"],
            message_values=told["values"],
            heartbeat_at=timezone.now(),
        )
        if not alive:
            raise CancelledError
        if (round(progress, 3), message) != self._told:
            self._told = (round(progress, 3), message)
            self._tell(JobEvent.Kind.PROGRESS, {"progress": progress, **told})

    @property
    def scratch(self) -> Path:
        """A folder that outlives this attempt, so that the next one can go on from what lies there."""
        return scratch_folder(self.job)

    def check_cancelled(self) -> None:
        """Raise CancelledError when the job was cancelled or taken over; reads the row each time."""
        alive = Job.objects.filter(
            pk=self.job.pk,
            state=Job.State.RUNNING,
            attempt=self.job.attempt,
            cancel_requested_at__isnull=True,
        )
        if not alive.exists():
            raise CancelledError

    def is_mine(self) -> bool:
        """Say whether the job still belongs to this attempt, cancelled or not."""
        return Job.objects.filter(pk=self.job.pk, state=Job.State.RUNNING, attempt=self.job.attempt).exists()

    def log(self, message: str, level: str = "info") -> None:
        """Add a line to the log that people read."""
        self._tell(JobEvent.Kind.LOG, {"level": level, **sentence_parts(message)})

    def update(self, **data: Any) -> None:
        """Tell that something that the job makes has grown, for instance a heat map."""
        self._tell(JobEvent.Kind.UPDATE, data)

    def _tell(self, kind: JobEvent.Kind, data: dict[str, Any]) -> None:
        JobEvent.objects.create(job=self.job, kind=kind, data=data)


class _Heart(threading.Thread):
    """Beats while the run lives, also when it is deep inside a long computation."""

    def __init__(self, job: Job) -> None:
        super().__init__(name=f"heart of job {job.pk}", daemon=True)
        self._job = job
        self._stopped = threading.Event()

    def run(self) -> None:
        """Beat until told to stop."""
        while not self._stopped.wait(settings.JOB_HEARTBEAT_SECONDS):
            try:
                Job.objects.filter(pk=self._job.pk, attempt=self._job.attempt).update(
                    heartbeat_at=timezone.now()
                )
            except Exception:
                log.exception("a heartbeat was missed")
        connection.close()

    def stop(self) -> None:
        """Stop and wait for the last beat."""
        self._stopped.set()
        self.join()


def run_job(job_id: UUID | str, *, with_heart: bool = True) -> None:
    """Run a job to its end, whatever the end is. Doubled and late messages do nothing."""
    if with_heart:
        close_old_connections()
    job = start_job(job_id)
    if job is None:
        return
    heart = _Heart(job) if with_heart else None
    if heart:
        heart.start()
    run = JobRun(job)
    try:
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
    except CancelledError:
        if finish_job(job, Job.State.CANCELLED):
            drop_scratch(job)
    except DomainError as error:
        finish_job(job, Job.State.FAILED, error_code=error.specific_code, error=error.detail)
    except (DataError, SlideError) as error:
        finish_job(job, Job.State.FAILED, error_code=error.code, error=error.detail)
    except Exception as error:
        if isinstance(error, OSError) and is_full(error):
            text = Sentence(
                "disk_full", "The disk of the server is full. Ask who runs it to make room, then start again."
            )
            finish_job(job, Job.State.FAILED, error_code="no_space", error=text)
            return
        log.exception("job %s (%s) failed", job.pk, job.kind)
        run.log(traceback.format_exc(limit=20), level="error")
        text = Sentence(
            "not_foreseen",
            "Something went wrong that we did not foresee ({reason}). See the log.",
            reason=type(error).__name__,
        )
        finish_job(job, Job.State.FAILED, error_code="internal_error", error=text)
