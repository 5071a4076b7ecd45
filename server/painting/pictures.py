"""Pictures of painted cells: red is the number of a label, green its share. Free of torch."""

from __future__ import annotations

import io
import re
from typing import Any, Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml.storage.room import remove_on_failure
from server.core.files import storage

FOLDER: Final = "paintings"
# Repainted within a second: small files matter less than time.
_COMPRESSION: Final = 1
_NAME: Final = re.compile(r"\d{1,9}-\d{1,6}")


def write_picture(
    painting_id: UUID, number: int, count: int, classes: NDArray[np.uint8], shares: NDArray[np.uint8]
) -> str:
    """Write the picture of cells (rows, columns), the ``count``-th of a request; return its name."""
    colours = np.stack([classes, shares, np.zeros_like(shares)], axis=2)
    sink = io.BytesIO()
    Image.fromarray(colours).save(sink, format="PNG", compress_level=_COMPRESSION)
    folder = storage.storage_path(f"{FOLDER}/{painting_id}")
    storage.make_folder(folder)
    if count == 0:
        # Those of the request before may still be on their way to the page.
        _delete_before(folder, number - 1)
    name = f"{number}-{count}"
    partial = folder / f".{name}"
    with remove_on_failure(partial):
        partial.write_bytes(sink.getvalue())
    partial.replace(folder / f"{name}.png")
    return name


def read_picture(painting_id: UUID, name: str) -> bytes | None:
    """Return a picture; None for one that is not there."""
    if not _NAME.fullmatch(name):
        return None
    try:
        return (storage.storage_path(f"{FOLDER}/{painting_id}") / f"{name}.png").read_bytes()
    except FileNotFoundError:
        return None


def _delete_before(folder: Any, number: int) -> None:
    for path in folder.glob("*.png"):
        if int(path.stem.partition("-")[0]) < number:
            path.unlink(missing_ok=True)
