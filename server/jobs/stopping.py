"""Planned stops of a worker: its jobs return to the queue, without counting the attempt."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from celery.signals import worker_shutting_down
from django.db import connection

from server.jobs.models import Job
from server.jobs.services import hand_back_job

log = logging.getLogger(__name__)

# Runs stop at their next report; those that do not report are taken from them after this time.
GRACE_SECONDS: Final = 3.0
_stopping = threading.Event()
_running: Final[dict[Any, Job]] = {}


def is_stopping() -> bool:
    """Return whether this worker has been asked to stop."""
    return _stopping.is_set()


@contextmanager
def held(job: Job) -> Iterator[None]:
    """Register a job as running in this process, for the length of the block."""
    _running[job.pk] = job
    try:
        yield
    finally:
        _running.pop(job.pk, None)


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def begin_stop(**_: Any) -> None:
    """Ask the runs of this worker to stop; called in a signal handler, so it never blocks."""
    _stopping.set()
    threading.Thread(target=_hand_back_the_rest, name="hand back jobs", daemon=True).start()


def _hand_back_the_rest() -> None:
    time.sleep(GRACE_SECONDS)
    for job in list(_running.values()):
        try:
            hand_back_job(job)
        except Exception:
            log.exception("job %s could not be handed back; the sweep takes it", job.pk)
    connection.close()
