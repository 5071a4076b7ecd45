"""Permissions on jobs."""

from __future__ import annotations

from typing import Any

from ml.messages import Message
from server.core.errors import NotAllowedError, NotVisibleError
from server.core.tasks import job_kinds
from server.jobs.models import Job
from server.projects.models import Role
from server.projects.policies import reaches, role_in


def may_see(actor: Any, job: Job) -> bool:
    """Return whether a user sees a job: members of its project, or the creator of one without a project."""
    if not actor.is_active:
        return False
    if job.project is None:
        return bool(actor.is_superuser or job.created_by_id == actor.pk)
    return bool(actor.is_superuser or role_in(actor, job.project) is not None)


def may_steer(actor: Any, job: Job) -> bool:
    """Return whether a user may cancel and retry a job: its creator, and managers."""
    if not may_see(actor, job):
        return False
    if actor.is_superuser or job.created_by_id == actor.pk:
        return True
    return job.project is not None and reaches(role_in(actor, job.project), Role.MANAGER)


def can_run_again(job: Job) -> bool:
    """Return whether a job ended without success and its inputs still exist."""
    kind = job_kinds().get(job.kind)
    ended = job.state in (Job.State.FAILED, Job.State.CANCELLED)
    return ended and (kind is None or kind.can_run_again(job))


def require_may_steer(actor: Any, job: Job) -> None:
    """Raise NotVisibleError or NotAllowedError unless the actor may cancel and retry this job."""
    if not may_see(actor, job):
        raise NotVisibleError
    if not may_steer(actor, job):
        message = Message("only_starter")
        raise NotAllowedError(message)
