"""Weights on disk, named by their content."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from ml.contracts import DataError
from ml.messages import Message
from ml.storage.model_folder import read_model
from server.core.files.storage import link_tree, new_folder, storage_path
from server.registry.errors import WeightsMissingError
from server.registry.models import ModelVersion

FOLDER: Final = "models"


def digest_folder(folder: Path) -> str:
    """Return the SHA-256 over names and contents of a folder's files, in the order of names."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            total.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return total.hexdigest()


def store_weights(folder: Path) -> tuple[str, str]:
    """Copy a saved model to its storage; return its storage key and digest."""
    digest = digest_folder(folder)
    key = f"{FOLDER}/{digest}"
    with new_folder(key) as target:
        link_tree(folder, target)
    return key, digest


def channels_read_by(version: ModelVersion) -> tuple[str, ...]:
    """Return the names of a version's channels; none for colour images or missing weights."""
    try:
        model = read_model(storage_path(version.storage_key))
    except DataError:
        return ()
    return tuple(channel.name for channel in model.channels)


def weights_path(version: ModelVersion) -> Path:
    """Return the folder of a version's weights; raises WeightsMissingError when they changed."""
    path = storage_path(version.storage_key)
    if not path.is_dir() or digest_folder(path) != version.weights_digest:
        message = Message(
            "version_weights_missing",
            name=version.name,
        )
        raise WeightsMissingError(message)
    return path
