"""What happens when a disk is full: a sentence, and nothing half-written."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from ml.contracts import DataError, Sentence


@contextmanager
def room_for(path: Path) -> Iterator[None]:
    """Remove ``path``, a file or folder being written, when that fails; DataError(``no_space``) says so."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        message = Sentence(
            "not_written",
            "{file} could not be written: {reason}. Make room on the disk, then start again.",
            file=str(path),
            reason=str(error),
        )
        raise DataError("no_space", message) from error


@contextmanager
def whole_folder(folder: Path) -> Iterator[None]:
    """Remove a folder that is made of several parts when one of them cannot be written."""
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def is_full(error: OSError) -> bool:
    """Say whether an error is that of a full disk, or of a quota that is used up."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT}
