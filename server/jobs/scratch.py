"""Folders in which jobs keep what their next attempt goes on from.

They go when the job succeeds or is cancelled. Those of failed jobs stay for a day, since they may be tried
again.
"""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from server.core import storage
from server.jobs.models import Job

ROOT: Final = "scratch/jobs"
KEPT: Final = timedelta(days=1)


def scratch_folder(job: Job) -> Path:
    """Return the folder of a job, which is there afterwards."""
    folder = storage.storage_path(f"{ROOT}/{job.pk}")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def drop_scratch(job: Job) -> None:
    """Remove the folder of a job, if it has one."""
    shutil.rmtree(storage.storage_path(f"{ROOT}/{job.pk}"), ignore_errors=True)


def drop_old_scratch(now: datetime) -> None:
    """Remove the folders of jobs that ended long ago, or are gone."""
    root = storage.storage_path(ROOT)
    folders = {path.name: path for path in root.iterdir()} if root.is_dir() else {}
    if not folders:
        return
    wanted = Job.objects.filter(pk__in=folders).exclude(finished_at__lt=now - KEPT)
    for name in set(folders) - {str(pk) for pk in wanted.values_list("pk", flat=True)}:
        shutil.rmtree(folders[name], ignore_errors=True)
