"""Services of jobs. Every change of a job's state goes through here, by its table of transitions."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from ml.messages import Message
from server.audit.services import record
from server.core.errors import StateError
from server.core.services import service
from server.core.tasks import job_kinds
from server.jobs.dispatch import send
from server.jobs.events.log import write_event
from server.jobs.models import Job, JobEvent
from server.jobs.policies import can_run_again, require_may_steer
from server.jobs.scratch import drop_old_scratch
from server.jobs.selectors import running_attempt
from server.projects.models import Project

log = logging.getLogger(__name__)

LOST_MESSAGE_AFTER = timedelta(seconds=30)
LONGEST_PATIENCE = timedelta(minutes=10)
# Pages that were away for longer load anew; what was decided stands in the verdicts, not here.
NEWS_KEPT = timedelta(days=1)


def create_job(
    *,
    actor: Any,
    kind: str,
    title: Message,
    queue: str,
    input: dict[str, Any],  # noqa: A002 - the noun of the model
    project: Project | None = None,
    subject: models.Model | None = None,
) -> Job:
    """Create a queued job inside the calling service's transaction; it is sent on commit."""
    job = Job.objects.create(
        kind=kind,
        title=title,
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
    """Notify all open clients of a project of an action, on commit.

    ``topic`` is the name of the server-sent event. Call it last: PostgreSQL numbers the event now, and
    streams wait ``hub.LATE_SECONDS`` for lower numbers.
    """
    write_event(JobEvent.Kind.NEWS, {"topic": topic, **data}, project=project)


@service
def cancel_job(*, actor: Any, job: Job) -> Job:
    """Cancel: a queued job ends at once, a running one at its next report."""
    require_may_steer(actor, job)
    locked = Job.objects.select_for_update().get(pk=job.pk)
    if locked.state in Job.FINAL:
        message = Message("job_ended", state=locked.get_state_display().lower())
        raise StateError(message)
    locked.cancel_requested_at = timezone.now()
    if locked.state == Job.State.QUEUED:
        _end(locked, Job.State.CANCELLED)
    locked.save()
    record(actor=actor, action="job.cancel", subject=locked, project=locked.project)
    return locked


@service
def retry_job(*, actor: Any, job: Job) -> Job:
    """Queue a failed or cancelled job once more."""
    require_may_steer(actor, job)
    locked = Job.objects.select_for_update().get(pk=job.pk)
    if locked.state not in (Job.State.FAILED, Job.State.CANCELLED):
        message = Message("only_failed_again")
        raise StateError(message, code="job_not_ended")
    if not can_run_again(locked):
        message = Message("job_material_gone")
        raise StateError(message)
    locked.attempts_before_retry = locked.attempt
    locked.cancel_requested_at = None
    _set_error(locked, "", None)
    locked.progress = 0
    _move(locked, Job.State.QUEUED, started_at=None, finished_at=None, dispatched_at=None)
    locked.save()
    record(actor=actor, action="job.retry", subject=locked, project=locked.project)
    _send_on_commit(locked)
    return locked


def start_job(job_id: UUID | str) -> Job | None:
    """Start a queued job; None when another delivery of it was faster or it has ended."""
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
    error: Message | None = None,
    cause: BaseException | None = None,
) -> bool:
    """End this attempt; False when the job was taken over after missed heartbeats.

    ``error`` is the reason for the failure; ``cause`` the exception that ended it.
    """
    with transaction.atomic():
        locked = Job.objects.select_for_update().get(pk=job.pk)
        if locked.state != Job.State.RUNNING or locked.attempt != job.attempt:
            return False
        locked.result = result
        _set_error(locked, error_code, error)
        if state == Job.State.SUCCEEDED:
            locked.progress = 1.0
        _end(locked, state, cause)
        locked.save()
    return True


def hand_back_job(job: Job) -> bool:
    """Requeue a job whose worker is being stopped, without counting the attempt. False when it ended."""
    with transaction.atomic():
        locked = Job.objects.select_for_update().get(pk=job.pk)
        if locked.state != Job.State.RUNNING or locked.attempt != job.attempt:
            return False
        if locked.cancel_requested_at:
            _end(locked, Job.State.CANCELLED)
        else:
            locked.attempts_before_retry += 1
            _move(locked, Job.State.QUEUED, dispatched_at=None)
        locked.save()
    return True


def report_progress(job: Job, progress: float, message: Message | None) -> bool:
    """Store the progress of a running attempt; False when it was cancelled or taken over."""
    changed = running_attempt(job).update(
        progress=progress,
        message=message,
        heartbeat_at=timezone.now(),
    )
    return bool(changed)


def store_heartbeat(job: Job) -> None:
    """Store that the worker of this attempt is alive."""
    Job.objects.filter(pk=job.pk, attempt=job.attempt).update(heartbeat_at=timezone.now())


def sweep_jobs() -> dict[str, int]:
    """Send lost jobs again, take over jobs of dead workers, and delete old ones."""
    now = timezone.now()
    lapsed = Job.objects.filter(
        state=Job.State.RUNNING,
        heartbeat_at__lt=now - timedelta(seconds=settings.JOB_LAPSE_SECONDS),
    )
    taken = sum(_try_to_take_back(job_id, now) for job_id in lapsed.values_list("pk", flat=True))
    lost = Job.objects.filter(state=Job.State.QUEUED).filter(
        models.Q(dispatched_at__isnull=True) | models.Q(dispatched_at__lt=now - LOST_MESSAGE_AFTER)
    )
    sent = sum(_dispatch(job) for job in lost if _may_be_lost(job, now))
    JobEvent.objects.filter(kind=JobEvent.Kind.NEWS, at__lt=now - NEWS_KEPT).delete()
    drop_old_scratch(now)
    return {"taken_back": taken, "sent_again": sent}


def _may_be_lost(job: Job, now: datetime) -> bool:
    """Return whether a queued job has waited long enough for another message.

    Each message is given as long again as the job has waited, so that those of a long queue do not pile up.
    A job that its worker handed back waits since then.
    """
    if job.dispatched_at is None:
        return True
    since = max(job.created_at, job.heartbeat_at or job.created_at)
    patience = min(max(job.dispatched_at - since, LOST_MESSAGE_AFTER), LONGEST_PATIENCE)
    return job.dispatched_at < now - patience


def _try_to_take_back(job_id: UUID, now: Any) -> bool:
    """Take a job over; one whose subject cannot be ended is left for the next sweep and stops no other."""
    try:
        return _take_back(job_id, now)
    except Exception:
        log.exception("job %s could not be taken from its worker", job_id)
        return False


def _take_back(job_id: UUID, now: Any) -> bool:
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=job_id)
        limit = now - timedelta(seconds=settings.JOB_LAPSE_SECONDS)
        if job.state != Job.State.RUNNING or (job.heartbeat_at and job.heartbeat_at >= limit):
            return False
        kind = job_kinds().get(job.kind)
        if job.cancel_requested_at:
            _end(job, Job.State.CANCELLED)
        elif kind is not None and job.attempt - job.attempts_before_retry >= kind.attempts:
            _set_error(
                job,
                "worker_lost",
                Message(
                    "worker_lost",
                    job=str(job.pk),
                ),
            )
            _end(job, Job.State.FAILED)
        else:
            _move(job, Job.State.QUEUED, dispatched_at=None)
        job.save()
        log.warning("the worker of job %s (%s) stopped; the job is %s", job.pk, job.kind, job.state)
        data = {"level": "warning", "message": Message("worker_stopped").as_json()}
        write_event(JobEvent.Kind.LOG, data, job=job)
    return True


def _set_error(job: Job, code: str, error: Message | None) -> None:
    job.error_code, job.error = code, error


def _end(job: Job, state: Job.State, cause: BaseException | None = None) -> None:
    """End a job, and the state of its subject with it unless the job succeeded."""
    _move(job, state, finished_at=timezone.now())
    kind = job_kinds().get(job.kind)
    if kind is not None and state != Job.State.SUCCEEDED:
        kind.ended(job, cause)


def _move(job: Job, state: Job.State, **times: Any) -> None:
    if state not in Job.TRANSITIONS[Job.State(job.state)]:
        message = Message("illegal_transition", old=job.state, new=state)
        raise StateError(message)
    job.state = state
    for field, value in times.items():
        setattr(job, field, value)
    _tell_state(job)


def _tell_state(job: Job) -> None:
    data = {
        "state": job.state,
        "error_code": job.error_code,
        "error": job.error.as_json() if job.error else None,
    }
    write_event(JobEvent.Kind.STATE, data, job=job)


def _send_on_commit(job: Job) -> None:
    transaction.on_commit(lambda: _dispatch(job), robust=True)


def _dispatch(job: Job) -> bool:
    """Send a job to the broker and store the time; False when the broker is unreachable."""
    is_sent = send(job)
    if is_sent:
        Job.objects.filter(pk=job.pk).update(dispatched_at=timezone.now())
    return is_sent
