"""Queries of jobs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from server.core.errors import NotVisibleError
from server.jobs.models import Job
from server.projects.selectors import projects_visible_to


def jobs_visible_to(actor: Any) -> QuerySet[Job]:
    """Return the jobs of the actor's projects and the actor's own without a project, newest first."""
    jobs = Job.objects.select_related("created_by", "project").order_by("-created_at")
    if actor.is_superuser:
        return jobs
    return jobs.filter(Q(project__in=projects_visible_to(actor)) | Q(created_by=actor, project__isnull=True))


def get_job_for(actor: Any, job_id: UUID | str) -> Job:
    """Return one job or raise NotVisibleError."""
    job = jobs_visible_to(actor).filter(pk=job_id).first()
    if job is None:
        raise NotVisibleError
    return job


def running_attempt(job: Job) -> QuerySet[Job]:
    """Return the row of a job while this attempt runs and nobody cancelled it, else no row."""
    return Job.objects.filter(
        pk=job.pk, state=Job.State.RUNNING, attempt=job.attempt, cancel_requested_at__isnull=True
    )


def finish_times(job_ids: Iterable[str]) -> dict[str, datetime | None]:
    """Return the times at which these jobs ended, None for jobs that have not; without deleted jobs."""
    rows = Job.objects.filter(pk__in=job_ids).values_list("pk", "finished_at")
    return {str(pk): finished_at for pk, finished_at in rows}
