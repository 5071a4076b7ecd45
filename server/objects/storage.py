"""Where object sets and heat maps lie, and one way to open them. Free of torch and of the database."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from ml.objectset import ObjectSet as ObjectFiles
from server.core.storage import storage_path

FOLDER: Final = "object-sets"
_NAME: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[0-9]{1,4}", re.ASCII)


def object_set_key(set_id: object, attempt: int) -> str:
    """Return the storage key of what one attempt wrote; a later attempt never meets its files."""
    return f"{FOLDER}/{set_id}.{attempt}"


def is_folder_name(name: str) -> bool:
    """Say whether the text may be the last part of an object set's key."""
    return _NAME.fullmatch(name) is not None


def heat_map_folder(heat_map_id: object) -> str:
    """Return the storage key of the folder of one heat map, which holds a file per version."""
    return f"heat-maps/{heat_map_id}"


@lru_cache(maxsize=64)
def open_object_files(root: str, key: str) -> ObjectFiles:
    """Return the open files of a set; they never change, so they stay open. ``root`` keeps tests apart."""
    del root
    return ObjectFiles(storage_path(key))
