"""Deletion of files that no row refers to: under a lock with their last reference, or by a sweep.

Each folder of the storage registers how to know the names in it that rows refer to. Content that
several rows may share is deleted by ``release`` alone, and a transaction that begins to refer to it calls
``lock_content`` first and looks whether it is there.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Model

from server.core.files import storage

log = logging.getLogger(__name__)

# A file and the row that refers to it are made within less than this.
KEPT: Final = timedelta(days=1)
_BATCH: Final = 500

Used = Callable[[Collection[str]], Iterable[str]]
_holdings: Final[dict[str, Used]] = {}
_ages: Final[dict[str, timedelta]] = {}
_chores: Final[dict[str, Callable[[datetime], None]]] = {}


def register_holding(folder: str, used: Used, kept: timedelta = KEPT) -> None:
    """Register a folder to sweep: ``used(names)`` returns the names in it to keep.

    Others are deleted when they have not changed for ``kept``.
    """
    _holdings[folder], _ages[folder] = used, kept


def register_chore(name: str, chore: Callable[[datetime], None]) -> None:
    """Register ``chore(now)``, called before the folders are swept, to delete expired rows."""
    _chores[name] = chore


def used_by_rows(folder: str, model: type[Model], field: str, **conditions: Any) -> Used:
    """Return a function of the names in a folder whose storage keys occur in a field of matching rows."""

    def used(names: Collection[str]) -> Iterable[str]:
        keys = [f"{folder}/{name}" for name in names]
        rows = model._default_manager.filter(**{f"{field}__in": keys}, **conditions)  # noqa: SLF001 - the public way
        stored = rows.values_list(field, flat=True)
        return {key.rpartition("/")[2] for key in stored}

    return used


def lock_content(key: str) -> None:
    """Prevent others from releasing or referring to a key until the transaction ends.

    On SQLite a transaction that writes has the whole database, so there is nothing more to lock.
    """
    if connection.vendor == "postgresql":
        number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], signed=True)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


def release(key: str) -> bool:
    """Delete the content of this key unless a row refers to it; return whether it is gone.

    Called after the commit of what dropped the reference, never before.
    """
    folder, _, name = key.rpartition("/")
    with transaction.atomic():
        lock_content(key)
        if name in _holdings[folder]([name]):
            return False
        # Out of the way while the lock is held; the rest takes time.
        trash = storage.move_away(key)
    if trash:
        storage.delete(trash)
    return True


def sweep_storage(now: datetime) -> int:
    """Delete unreferenced files that are old enough; return the number of files and folders."""
    for name, chore in _chores.items():
        try:
            chore(now)
        except Exception:
            log.exception("the sweep could not do: %s", name)
    return sum(_sweep_folder(folder, now) for folder in _holdings)


def _sweep_folder(folder: str, now: datetime) -> int:
    root = storage.storage_path(folder)
    names = [path.name for path in root.iterdir()] if root.is_dir() else []
    gone = 0
    for start in range(0, len(names), _BATCH):
        some = names[start : start + _BATCH]
        # Names with a dot are of files that were being written, or deleted.
        visible = [name for name in some if not name.startswith(".")]
        unused = set(some) - set(_holdings[folder](visible))
        for name in unused:
            changed = datetime.fromtimestamp(storage.last_change(root / name), UTC)
            if changed < now - _ages[folder] and release(f"{folder}/{name}"):
                log.info("swept %s/%s, to which nothing refers", folder, name)
                gone += 1
    return gone
