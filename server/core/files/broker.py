"""Message transport by files, for installations without a broker: kombu's, made safe against full disks.

A message is written aside, flushed, and then given its name, so that nobody reads half of one. A file that is
no message is set aside with a line in the log; the sweep sends the job again whose message is lost. Each
queue has an exchange of its own name, so there is no table of bindings that could be damaged.
"""

from __future__ import annotations

import logging
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import filesystem
from kombu.utils.json import dumps, loads

from server.core.files.storage import new_file
from server.core.tasks import QUEUES

log = logging.getLogger(__name__)


class Channel(filesystem.Channel):
    """Channel that stores each message as a file, whole or not at all."""

    supports_fanout = False

    def get_table(self, exchange: str) -> list[Any]:
        """Return the bindings of an exchange: its queue has the same name."""
        return [filesystem.exchange_queue_t(exchange, "", exchange)] if exchange in QUEUES else []

    def _queue_bind(self, *_: Any) -> None:
        """Do nothing: queues are bound by their names."""

    def _put(self, queue: str, payload: dict[str, Any], **_: Any) -> None:  # type: ignore[override]
        """Add a message; it is on the disk when this returns. Of two with one id, the first stays alone.

        The sweep sends a job that waits for long again, and again.
        """
        folder, key = Path(self.data_folder_out), _key_of(payload)
        if any(folder.glob(f"[!.]*_{key}.{queue}.msg")):
            return
        with new_file(folder / f"{time.time_ns():020d}_{key}.{queue}.msg") as file:
            file.write(dumps(payload).encode())  # type: ignore[no-untyped-call]

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        """Take the oldest message; raises Empty at once where there is none."""
        del timeout
        folder = Path(self.data_folder_in)
        for path in sorted(folder.glob(f"[!.]*.{queue}.msg")):
            taken = folder / f".{path.name}.{uuid.uuid4().hex}"
            try:
                path.rename(taken)
            except FileNotFoundError:
                # Another worker was faster.
                continue
            message = _read(taken)
            if message is not None:
                taken.unlink()
                return message
            aside = folder.parent / "unreadable"
            aside.mkdir(exist_ok=True)
            taken.rename(aside / path.name)
            log.error("the file %s is no message and was set aside; its job is sent again", path.name)
        raise Empty


def _key_of(payload: dict[str, Any]) -> uuid.UUID:
    """Return the id of a message, a new one for a message without."""
    try:
        return uuid.UUID(payload["headers"]["id"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return uuid.uuid4()


def _read(path: Path) -> dict[str, Any] | None:
    try:
        message = loads(path.read_bytes())  # type: ignore[no-untyped-call]
    except ValueError:
        return None
    return message if isinstance(message, dict) and {"body", "properties"} <= message.keys() else None


class Transport(filesystem.Transport):
    """The transport named in ``CELERY_BROKER_TRANSPORT``."""

    Channel = Channel
