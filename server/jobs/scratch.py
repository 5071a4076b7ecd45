"""Folders in which jobs keep what their next attempt goes on from.

They go when the job succeeds or is cancelled. Those of failed jobs stay for a day, since they may be tried
again.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from server.core import storage
from server.jobs.models import Job

ROOT: Final = "scratch/jobs"
KEPT: Final = timedelta(days=1)


def scratch_path(job: Job) -> Path:
    """Return where the folder of a job is, if it has one."""
    return storage.storage_path(f"{ROOT}/{job.pk}")


def scratch_folder(job: Job) -> Path:
    """Return the folder of a job, which is there afterwards."""
    folder = scratch_path(job)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def drop_scratch(job: Job) -> None:
    """Remove the folder of a job, if it has one."""
    shutil.rmtree(scratch_path(job), ignore_errors=True)


def drop_old_scratch(now: datetime) -> None:
    """Remove the folders of jobs that ended long ago, or are gone."""
    root = storage.storage_path(ROOT)
    folders = {path.name: path for path in root.iterdir()} if root.is_dir() else {}
    if not folders:
        return
    ends = {str(pk): end for pk, end in Job.objects.filter(pk__in=folders).values_list("pk", "finished_at")}
    for name, folder in folders.items():
        # A job without a row may be one that is being made.
        last = ends[name] if name in ends else datetime.fromtimestamp(folder.stat().st_mtime, UTC)
        if last and last < now - KEPT:
            shutil.rmtree(folder, ignore_errors=True)
