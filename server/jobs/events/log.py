"""Write event rows, and wake the web processes that stream them."""

from __future__ import annotations

from typing import Any, Final

from django.db import connection

from server.core.prepared import run_statement
from server.core.row_writes import insert_row
from server.jobs.models import Job, JobEvent
from server.projects.models import Project

CHANNEL: Final = "coverslip_events"


def write_event(
    kind: JobEvent.Kind, data: dict[str, Any], *, job: Job | None = None, project: Project | None = None
) -> None:
    """Add one event of a job, or of a project; PostgreSQL notifies the listening web processes on commit."""
    insert_row(JobEvent(job=job, project=project, kind=kind, data=data))
    if connection.vendor == "postgresql":
        run_statement(f"NOTIFY {CHANNEL}", ())
