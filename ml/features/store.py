"""Store features on disk: one computation for each slide, encoder and patch size.

``root/<content>/<encoder>-<version>/<grid key>/`` holds pieces, each a structured ``.npy`` of rows
(x, y, values) named by the SHA-256 of its corners and written by one rename, so that writers never
wait for each other and a reader never sees half a piece. A patch is identified by its corner: grids of
another stride, or single patches around small marks, share the computed features.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Context
from ml.features.encoder import Encoder
from ml.storage.hashing import content_hash, files_of
from ml.storage.room import remove_on_failure


class FeatureTable:
    """The stored rows of one slide, encoder and patch size. ``corners`` are int64 (n, 2) of x, y."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self._size = size
        self._pieces: list[NDArray[np.void]] = []
        self._names: set[str] = set()

    def find(self, corners: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return features (n, size) float32 and which of the rows (n,) are stored; the others are zero."""
        self._refresh()
        values = np.zeros((len(corners), self._size), dtype=np.float32)
        have = np.zeros(len(corners), dtype=bool)
        keys = _keys(corners[:, 0], corners[:, 1])
        for piece in self._pieces:
            stored = _keys(piece["x"], piece["y"])
            order = np.argsort(stored)
            place = np.minimum(np.searchsorted(stored[order], keys), len(stored) - 1)
            hit = (stored[order][place] == keys) & ~have
            values[hit] = piece["values"][order[place[hit]]]
            have |= hit
        return values, have

    def add(self, corners: NDArray[np.int64], values: NDArray[np.float32]) -> None:
        """Store rows; rows already stored under a corner stay as they are."""
        if not len(corners):
            return
        kind = np.dtype([("x", "<i8"), ("y", "<i8"), ("values", "<f4", (self._size,))])
        piece = np.empty(len(corners), dtype=kind)
        piece["x"], piece["y"], piece["values"] = corners[:, 0], corners[:, 1], values
        name = hashlib.sha256(np.ascontiguousarray(corners).tobytes()).hexdigest()[:32]
        partial = self._folder / f"{name}.{os.getpid()}.partial"
        with remove_on_failure(partial):
            self._folder.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as stream:
                np.save(stream, piece, allow_pickle=False)
        partial.replace(self._folder / f"{name}.npy")

    def _refresh(self) -> None:
        for path in sorted(self._folder.glob("*.npy")):
            if path.name not in self._names:
                self._names.add(path.name)
                self._pieces.append(np.load(path, mmap_mode="r", allow_pickle=False))


class FeatureStore:
    """All feature tables below one folder, with the content hash of each slide path."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def open(self, content: str, encoder: Encoder, grid_key: str) -> FeatureTable:
        """Return the table of a slide's content (SHA-256), an encoder and a patch size."""
        return FeatureTable(self.folder(content, f"{encoder.name}-{encoder.version}", grid_key), encoder.size)

    def folder(self, content: str, encoder: str, key: str) -> Path:
        """Return the folder of what an encoder computed of a slide's content (SHA-256); it may not exist."""
        return self._root / content / encoder / key

    def cached(self, content: str, name: str, compute: Callable[[], NDArray[np.bool_]]) -> NDArray[np.bool_]:
        """Return the array stored under a name for a slide's content; computed on the first call."""
        path = self._root / content / f"{name}.npy"
        if not path.exists():
            values = compute()
            partial = path.with_suffix(f".{os.getpid()}.partial")
            with remove_on_failure(partial):
                path.parent.mkdir(parents=True, exist_ok=True)
                with partial.open("wb") as stream:
                    np.save(stream, values, allow_pickle=False)
            partial.replace(path)
        stored: NDArray[np.bool_] = np.load(path, allow_pickle=False)
        return stored

    def remember(self, path: Path, content: str) -> None:
        """Store the hash of a slide's content, so that ``content_of`` need not read the file."""
        note = self._note(path)
        if note.exists() and note.read_text() == content:
            return
        partial = note.with_suffix(f".{os.getpid()}.partial")
        with remove_on_failure(partial):
            note.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(content)
        partial.replace(note)

    def content_of(self, path: Path) -> str:
        """Return the stored hash of a path, or else the SHA-256 of the file or folder there."""
        note = self._note(path)
        if not note.exists():
            self.remember(path, content_hash(path))
        return note.read_text()

    def _note(self, path: Path) -> Path:
        facts = [f"{path.resolve()}"]
        for file in files_of(path):
            state = file.stat()
            facts.append(f"{file.name} {state.st_size} {state.st_mtime_ns}")
        return self._root / "contents" / hashlib.sha256("\n".join(facts).encode()).hexdigest()


def feature_store(context: Context) -> FeatureStore:
    """Return the store of a run, or one in its scratch space."""
    return FeatureStore(context.features or context.scratch / "features")


def _keys(x: NDArray[np.int64], y: NDArray[np.int64]) -> NDArray[np.int64]:
    keys: NDArray[np.int64] = (x << 32) ^ (y & 0xFFFFFFFF)
    return keys
