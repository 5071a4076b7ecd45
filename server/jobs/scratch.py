"""Scratch folders of jobs, from which their next attempt resumes.

They go when the job succeeds or is cancelled. Those of failed jobs stay for a day, since they may be tried
again.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from server.core.files import storage
from server.jobs.models import Job
from server.jobs.selectors import finish_times

ROOT: Final = "scratch/jobs"
KEPT: Final = timedelta(days=1)


def scratch_path(job: Job) -> Path:
    """Return the path of a job's folder, if it exists."""
    return storage.storage_path(f"{ROOT}/{job.pk}")


def scratch_folder(job: Job) -> Path:
    """Return the folder of a job, created if missing."""
    folder = scratch_path(job)
    storage.make_folder(folder)
    return folder


def drop_scratch(job: Job) -> None:
    """Delete the folder of a job, if it exists."""
    shutil.rmtree(scratch_path(job), ignore_errors=True)


def drop_old_scratch(now: datetime) -> None:
    """Delete the folders of jobs that ended long ago or were deleted."""
    root = storage.storage_path(ROOT)
    folders = {path.name: path for path in root.iterdir()} if root.is_dir() else {}
    if not folders:
        return
    ends = finish_times(folders)
    for name, folder in folders.items():
        # A job without a row may be one that is being made.
        last = ends[name] if name in ends else datetime.fromtimestamp(folder.stat().st_mtime, UTC)
        if last and last < now - KEPT:
            shutil.rmtree(folder, ignore_errors=True)
