"""Atomic writes: a file or folder is written completely or not at all, also on a full disk."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from ml.contracts import DataError
from ml.messages import Message


@contextmanager
def remove_on_failure(path: Path) -> Iterator[None]:
    """Remove a partly written file or folder on failure; raises DataError(``no_space``) on a full disk."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        message = Message(
            "not_written",
            file=str(path),
            reason=error,
        )
        raise DataError(message, code="no_space") from error


@contextmanager
def remove_folder_on_failure(folder: Path) -> Iterator[None]:
    """Remove a folder of several parts when one of them cannot be written."""
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def is_full(error: OSError) -> bool:
    """Return whether an error is that of a full disk or of an exceeded quota."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT}
