"""Write event rows, and wake the web processes that stream them."""

from __future__ import annotations

from typing import Any, Final

from django.db import connection

from server.jobs.models import Job, JobEvent
from server.projects.models import Project

CHANNEL: Final = "coverslip_events"


def write_event(
    kind: JobEvent.Kind, data: dict[str, Any], *, job: Job | None = None, project: Project | None = None
) -> None:
    """Add one event of a job, or of a project; PostgreSQL notifies the listening web processes on commit."""
    JobEvent.objects.create(job=job, project=project, kind=kind, data=data)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"NOTIFY {CHANNEL}")
