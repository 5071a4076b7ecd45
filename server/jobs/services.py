"""Writing jobs. Every change of a job's state goes through here, by its table of transitions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from ml.contracts import Sentence, sentence_parts
from server.audit.services import record
from server.core.errors import StateError
from server.core.services import service
from server.core.tasks import job_kinds
from server.jobs.dispatch import send
from server.jobs.models import Job, JobEvent
from server.jobs.policies import can_run_again, require_may_steer
from server.jobs.scratch import drop_old_scratch
from server.projects.models import Project

LOST_MESSAGE_AFTER = timedelta(seconds=30)
# Pages that were away for longer load anew; what was decided stands in the verdicts, not here.
NEWS_KEPT = timedelta(days=1)


def create_job(
    *,
    actor: Any,
    kind: str,
    title: str,
    queue: str,
    input: dict[str, Any],  # noqa: A002 - the noun of the model
    project: Project | None = None,
    subject: models.Model | None = None,
) -> Job:
    """Make a queued job inside the calling service's transaction; it is sent on commit."""
    job = Job.objects.create(
        kind=kind,
        title=title[:200],
        queue=queue,
        input=input,
        project=project,
        subject_type=type(subject).__name__.lower() if subject is not None else "",
        subject_id=str(subject.pk) if subject is not None else "",
        created_by=actor,
    )
    _tell_state(job)
    record(actor=actor, action="job.create", subject=job, project=project, details={"kind": kind})
    _send_on_commit(job)
    return job


def tell_project(project: Project, topic: str, data: dict[str, Any]) -> None:
    """Tell everybody who has the project open what somebody did in it, once it is committed.

    ``topic`` is the name of the server-sent event.
    """

    def tell() -> None:
        JobEvent.objects.create(project=project, kind=JobEvent.Kind.NEWS, data={"topic": topic, **data})

    # Afterwards, not inside: a number given out early and seen late would be passed over by the streams.
    transaction.on_commit(tell, robust=True)


@service
def cancel_job(*, actor: Any, job: Job) -> Job:
    """Cancel: a queued job ends at once, a running one at its next report."""
    require_may_steer(actor, job)
    locked = Job.objects.select_for_update().get(pk=job.pk)
    if locked.state in Job.FINAL:
        message = Sentence(
            "job_ended", "This job has ended already: {state}.", state=locked.get_state_display().lower()
        )
        raise StateError(message, code="job_ended")
    locked.cancel_requested_at = timezone.now()
    if locked.state == Job.State.QUEUED:
        _move(locked, Job.State.CANCELLED, finished_at=timezone.now())
    locked.save()
    record(actor=actor, action="job.cancel", subject=locked, project=locked.project)
    return locked


@service
def retry_job(*, actor: Any, job: Job) -> Job:
    """Queue a failed or cancelled job once more."""
    require_may_steer(actor, job)
    locked = Job.objects.select_for_update().get(pk=job.pk)
    if locked.state not in (Job.State.FAILED, Job.State.CANCELLED):
        message = Sentence("only_failed_again", "Only a failed or cancelled job can be tried again.")
        raise StateError(message, code="job_not_ended")
    if not can_run_again(locked):
        message = Sentence("job_material_gone", "What this job read is no longer here; bring it again.")
        raise StateError(message, code="job_material_gone")
    locked.attempts_before_retry = locked.attempt
    locked.cancel_requested_at = None
    _set_error(locked, "", "")
    locked.progress = 0
    _move(locked, Job.State.QUEUED, started_at=None, finished_at=None, dispatched_at=None)
    locked.save()
    record(actor=actor, action="job.retry", subject=locked, project=locked.project)
    _send_on_commit(locked)
    return locked


def start_job(job_id: UUID | str) -> Job | None:
    """Take a queued job for running; None when another delivery of it was faster or it has ended."""
    with transaction.atomic():
        job = Job.objects.select_for_update().filter(pk=job_id).first()
        if job is None or job.state != Job.State.QUEUED:
            return None
        now = timezone.now()
        job.attempt += 1
        _move(job, Job.State.RUNNING, started_at=now, heartbeat_at=now)
        job.save()
    return job


def finish_job(
    job: Job,
    state: Job.State,
    *,
    result: Any = None,
    error_code: str = "",
    error: str = "",
) -> bool:
    """End this attempt; False when the job was taken from it (its heart had stopped for too long).

    ``error`` is why it failed, best a ``Sentence``.
    """
    with transaction.atomic():
        locked = Job.objects.select_for_update().get(pk=job.pk)
        if locked.state != Job.State.RUNNING or locked.attempt != job.attempt:
            return False
        locked.result = result
        _set_error(locked, error_code, error)
        if state == Job.State.SUCCEEDED:
            locked.progress = 1.0
        _move(locked, state, finished_at=timezone.now())
        locked.save()
    return True


def sweep_jobs() -> dict[str, int]:
    """Send again what was lost, take jobs from workers whose heart has stopped, and drop what is old."""
    now = timezone.now()
    lapsed = Job.objects.filter(
        state=Job.State.RUNNING,
        heartbeat_at__lt=now - timedelta(seconds=settings.JOB_LAPSE_SECONDS),
    )
    taken = sum(_take_back(job_id, now) for job_id in lapsed.values_list("pk", flat=True))
    lost = Job.objects.filter(state=Job.State.QUEUED).filter(
        models.Q(dispatched_at__isnull=True) | models.Q(dispatched_at__lt=now - LOST_MESSAGE_AFTER)
    )
    sent = 0
    for job in lost:
        sent += send(job)
    JobEvent.objects.filter(kind=JobEvent.Kind.NEWS, at__lt=now - NEWS_KEPT).delete()
    drop_old_scratch(now)
    return {"taken_back": taken, "sent_again": sent}


def _take_back(job_id: UUID, now: Any) -> bool:
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=job_id)
        limit = now - timedelta(seconds=settings.JOB_LAPSE_SECONDS)
        if job.state != Job.State.RUNNING or (job.heartbeat_at and job.heartbeat_at >= limit):
            return False
        kind = job_kinds().get(job.kind)
        if job.cancel_requested_at:
            _move(job, Job.State.CANCELLED, finished_at=now)
        elif kind is not None and job.attempt - job.attempts_before_retry >= kind.attempts:
            _set_error(
                job,
                "worker_lost",
                Sentence("worker_lost", "The worker stopped in the middle, several times. See the log."),
            )
            _move(job, Job.State.FAILED, finished_at=now)
        else:
            _move(job, Job.State.QUEUED, dispatched_at=None)
        job.save()
        JobEvent.objects.create(
            job=job,
            kind=JobEvent.Kind.LOG,
            data={
                "level": "warning",
                "message": "The worker of this job stopped answering.",
                "code": "worker_stopped",
                "values": {},
            },
        )
    return True


def _set_error(job: Job, code: str, error: str) -> None:
    parts = sentence_parts(error)
    job.error_code, job.error_message = code, parts["message"]
    job.error_message_code, job.error_message_values = parts["code"], parts["values"]


def _move(job: Job, state: Job.State, **times: Any) -> None:
    if state not in Job.TRANSITIONS[Job.State(job.state)]:
        message = f"A job cannot go from {job.state} to {state}."
        raise StateError(message, code="illegal_transition")
    job.state = state
    for field, value in times.items():
        setattr(job, field, value)
    _tell_state(job)


def _tell_state(job: Job) -> None:
    JobEvent.objects.create(
        job=job,
        kind=JobEvent.Kind.STATE,
        data={
            "state": job.state,
            "error_code": job.error_code,
            "error_message": job.error_message,
        },
    )


def _send_on_commit(job: Job) -> None:
    transaction.on_commit(lambda: send(job), robust=True)
