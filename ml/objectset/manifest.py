"""Manifest of an object set, readable without opening its tables: ``manifest.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

FORMAT: Final = 2
NAME: Final = "manifest.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """Manifest of an object set. ``tile0``: side of the tile of level 0 in level-0 pixels, a power of two.

    ``levels`` is the deepest level; tiles of level z have the side ``tile0 / 2**z``. ``scale`` is the
    number of steps per pixel of all whole numbers in the tables. ``reach`` is how far, in pixels, an
    object goes beyond its point at most, ``long`` how many are kept apart because they go farther.
    ``shape`` is points, boxes or polygons. ``per_label`` lists {label, count, mean_score,
    mean_uncertainty} in label order. ``digest`` is the SHA-256 over the tables.
    """

    format: int
    count: int
    labels: tuple[str, ...]
    width: int
    height: int
    tile0: int
    levels: int
    scale: int
    reach: float
    long: int
    shape: str
    per_label: tuple[Mapping[str, Any], ...]
    digest: str

    def tile_side(self, z: int) -> float:
        """Return the side of a tile of level z in level-0 pixels."""
        return float(self.tile0 / 2**z)

    def write(self, folder: Path) -> None:
        """Write ``manifest.json``."""
        (folder / NAME).write_text(json.dumps(asdict(self), indent=1))


def read_manifest(folder: Path) -> Manifest:
    """Read a manifest; raises FileNotFoundError where there is none, ValueError for another format."""
    values = json.loads((folder / NAME).read_text())
    if values.get("format") != FORMAT:
        message = f"{folder.name} is an object set of format {values.get('format')}, not {FORMAT}."
        raise ValueError(message)
    values["labels"] = tuple(values["labels"])
    values["per_label"] = tuple(values["per_label"])
    return Manifest(**values)
