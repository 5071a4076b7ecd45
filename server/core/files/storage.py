"""Files outside the database, by key below one root. Writes are atomic.

What a write has made is on the disk when it returns: files are flushed before they get their name, and the
folder that has the name afterwards.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from ml.messages import Message
from server.core.errors import ContentError

TEMPORARY = "scratch/temporary"


def storage_path(key: str) -> Path:
    """Return the path of a key; raises ContentError for a key outside the root."""
    root = Path(settings.STORAGE_ROOT)
    path = (root / key).resolve()
    if not key or not path.is_relative_to(root.resolve()) or path == root.resolve():
        message = Message("bad_storage_key", key=key)
        raise ContentError(message)
    return path


def flush(path: Path) -> None:
    """Flush a file, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Create a folder with its parents, and flush their names to the disk."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    flush(folder.parent)


def flush_tree(folder: Path) -> None:
    """Flush a folder with all its content to the disk."""
    for path in folder.rglob("*"):
        flush(path)
    flush(folder)


def link_or_copy(source: Path, target: Path) -> None:
    """Hard-link a file, or copy it where the file system cannot."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def link_tree(source: Path, target: Path) -> None:
    """Hard-link or copy the files of a folder into another one."""
    for path in source.rglob("*"):
        if path.is_file():
            link_or_copy(path, target / path.relative_to(source))


@contextmanager
def new_folder(key: str) -> Iterator[Path]:
    """Yield an empty folder to fill; it appears under ``key`` only when the block succeeds.

    An existing folder of that key is kept and the new one dropped: keys are for immutable content.
    """
    final = storage_path(key)
    make_folder(final.parent)
    scratch = final.parent / f".{final.name}.{uuid.uuid4().hex}"
    scratch.mkdir()
    try:
        yield scratch
        flush_tree(scratch)
        try:
            scratch.rename(final)
        except OSError:
            if not final.exists():
                raise
        flush(final.parent)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def new_file(final: Path) -> Iterator[BinaryIO]:
    """Yield a file to fill; it replaces the file of its name only when the block succeeds."""
    make_folder(final.parent)
    scratch = final.parent / f".{final.name}.{uuid.uuid4().hex}"
    try:
        with scratch.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(final)
        flush(final.parent)
    finally:
        scratch.unlink(missing_ok=True)


def write_bytes(key: str, content: bytes) -> None:
    """Write or replace one file in a single step."""
    with new_file(storage_path(key)) as file:
        file.write(content)


@contextmanager
def temporary_folder(purpose: str) -> Iterator[Path]:
    """Yield a temporary folder on the disk of the storage, so that files can be linked.

    A process that is killed leaves it behind unlocked, by which the sweep knows it.
    """
    folder = storage_path(f"{TEMPORARY}/{purpose}-{uuid.uuid4().hex}")
    folder.mkdir(parents=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def temporary_in_use(names: Collection[str]) -> set[str]:
    """Return the names of the temporary folders of living processes."""
    root = storage_path(TEMPORARY)
    return {name for name in names if _is_held(root / name)}


def _is_held(folder: Path) -> bool:
    try:
        handle = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def last_change(path: Path) -> float:
    """Return the time of the last change of a file, or in a folder, as seconds since 1970.

    A new name counts as a change, unlike in ``st_mtime``: a linked file may be old.
    """
    latest = 0.0
    for each in (path, *path.rglob("*")):
        try:
            latest = max(latest, each.lstat().st_ctime)
        except FileNotFoundError:
            continue
    return latest


def move_away(key: str) -> str:
    """Unlink a file or folder in one step; return the key to delete, "" when it does not exist."""
    path = storage_path(key)
    trash = path.parent / f".{path.name.lstrip('.')}.{uuid.uuid4().hex}"
    try:
        path.rename(trash)
    except FileNotFoundError:
        return ""
    return trash.relative_to(Path(settings.STORAGE_ROOT).resolve()).as_posix()


def delete(key: str) -> None:
    """Delete a file or folder, if it exists."""
    path = storage_path(key)
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
