"""Background work of the ``exchange`` app."""

from __future__ import annotations

from typing import Any

from server.core.tasks import task
from server.exchange.objectjobs import KIND, has_file, import_objects
from server.jobs.runner import JobRun


@task(kind=KIND, queue="io", can_run_again=has_file)
def read_object_file(run: JobRun) -> dict[str, Any]:
    """Read a file of very many objects."""
    return import_objects(run)
