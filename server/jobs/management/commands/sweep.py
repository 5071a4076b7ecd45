"""``manage.py sweep``: maintain jobs every few seconds and files every hour, until stopped."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from typing import Any, Final

from django.core.management.base import BaseCommand
from django.db import close_old_connections, connection
from django.utils import timezone

from server.core.files.leftovers import sweep_storage
from server.jobs.services import sweep_jobs

log = logging.getLogger(__name__)

JOBS_EVERY_SECONDS: Final = 5.0
STORAGE_EVERY_SECONDS: Final = 3600.0


class Command(BaseCommand):
    """Sweeper in a separate process, so that no long job delays it."""

    help = "Send lost jobs again, take those of dead workers, delete files that nothing refers to."

    def handle(self, *_: Any, **__: Any) -> None:
        """Sweep until a signal arrives."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        # Beside the sweep of jobs, because a large storage takes long.
        files = threading.Thread(
            target=_repeat, args=(stop, STORAGE_EVERY_SECONDS, lambda: sweep_storage(timezone.now()))
        )
        files.daemon = True
        files.start()
        _repeat(stop, JOBS_EVERY_SECONDS, sweep_jobs)


def _repeat(stop: threading.Event, seconds: float, sweep: Callable[[], object]) -> None:
    """Sweep at once and then at an interval; a failed sweep is repeated."""
    while not stop.is_set():
        close_old_connections()
        try:
            sweep()
        except Exception:
            log.exception("a sweep failed and is tried again")
        stop.wait(seconds)
    connection.close()
