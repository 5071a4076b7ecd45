"""Storage keys of object sets and heat maps, and the cache of open sets. Free of torch and database."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from ml.objectset import ObjectSet as ObjectFiles
from server.core.files.storage import flush, flush_tree, storage_path

FOLDER: Final = "object-sets"
HEAT_MAPS: Final = "heat-maps"
_NAME: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[0-9]{1,4}", re.ASCII)


def object_set_key(set_id: object, attempt: int) -> str:
    """Return the storage key of one attempt's output, different from those of later attempts."""
    return f"{FOLDER}/{set_id}.{attempt}"


def flush_object_files(key: str) -> None:
    """Flush the files of a set to the disk before a row refers to them."""
    folder = storage_path(key)
    flush_tree(folder)
    flush(folder.parent)


def attempt_keys(set_id: object) -> list[str]:
    """Return the storage keys of all attempts at writing a set."""
    return [f"{FOLDER}/{path.name}" for path in storage_path(FOLDER).glob(f"{set_id}.*")]


def is_folder_name(name: str) -> bool:
    """Return whether the text is valid as the last part of an object set's key."""
    return _NAME.fullmatch(name) is not None


def heat_map_folder(heat_map_id: object) -> str:
    """Return the storage key of the folder of one heat map, which holds a file per version."""
    return f"{HEAT_MAPS}/{heat_map_id}"


@lru_cache(maxsize=64)
def open_object_files(root: str, key: str) -> ObjectFiles:
    """Return the open files of a set, cached as they never change. ``root`` separates tests."""
    del root
    return ObjectFiles(storage_path(key))
