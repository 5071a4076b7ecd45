"""Background work of the ``exchange`` app."""

from __future__ import annotations

from typing import Any

from server.core.tasks import task
from server.exchange.object_files.jobs import end_object_import, import_objects
from server.exchange.object_files.services import KIND, has_file
from server.jobs.runner import JobRun


@task(kind=KIND, queue="io", can_run_again=has_file, ended=end_object_import)
def read_object_file(run: JobRun) -> dict[str, Any]:
    """Import a file of very many objects."""
    return import_objects(run)
