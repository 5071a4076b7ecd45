"""The hash of a file or folder, by which stored features and splits know their source."""

from __future__ import annotations

import hashlib
from pathlib import Path

CHUNK = 1 << 20


def content_hash(path: Path) -> str:
    """Return the SHA-256 of a file, or of all files of a folder in the order of their names."""
    total = hashlib.sha256()
    for file in files_of(path):
        with file.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                total.update(chunk)
    return total.hexdigest()


def files_of(path: Path) -> list[Path]:
    """Return a file alone, or all files of a folder in the order of their names."""
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
