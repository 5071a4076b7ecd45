"""Files outside the database, named by key below one root. Writes appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from server.core.errors import ContentError


def storage_path(key: str) -> Path:
    """Return where a key lies; raises ContentError for a key that would leave the root."""
    root = Path(settings.STORAGE_ROOT)
    path = (root / key).resolve()
    if not key or not path.is_relative_to(root.resolve()) or path == root.resolve():
        message = f"{key!r} is not a storage key"
        raise ContentError(message, code="bad_storage_key")
    return path


@contextmanager
def new_folder(key: str) -> Iterator[Path]:
    """Give an empty folder to fill; it stands under ``key`` only when the block ends well.

    An existing folder of that key is kept and the new one dropped: keys are for immutable content.
    """
    final = storage_path(key)
    final.parent.mkdir(parents=True, exist_ok=True)
    scratch = final.parent / f".{final.name}.{uuid.uuid4().hex}"
    scratch.mkdir()
    try:
        yield scratch
        try:
            scratch.rename(final)
        except OSError:
            if not final.exists():
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def write_bytes(key: str, content: bytes) -> None:
    """Write or replace one file in a single step."""
    final = storage_path(key)
    final.parent.mkdir(parents=True, exist_ok=True)
    scratch = final.parent / f".{final.name}.{uuid.uuid4().hex}"
    try:
        with scratch.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(final)
    finally:
        scratch.unlink(missing_ok=True)


def delete(key: str) -> None:
    """Remove a file or folder; it may be gone already."""
    path = storage_path(key)
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
