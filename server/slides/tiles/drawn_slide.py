"""Draw tiles and crops of stored slides, in a child. It knows no Django."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from ml.slides.recent import Recent
from server.core.children.calls import register_reader
from server.slides.imports.manifest import read_manifest
from server.slides.tiles.channels import Mix
from server.slides.tiles.drawing import SlidePixels
from server.slides.tiles.request import TileRequest
from server.slides.tiles.sources import encode
from server.slides.tiles.stored import StoredLevel, read_stored_levels

# A slide holds up to 100 MB of decoded tiles and strips, and a child has 2 GiB.
_HELD_SLIDES: Final = 4
_HELD_PLANES: Final = 4

register_reader(__name__)


class DrawnSlide:
    """A slide that tiles are drawn of, with its manifest in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._manifest = read_manifest(folder)
        self._path = folder / self._manifest.main
        self._profile = self._manifest.read_profile(folder)
        self._pixels = SlidePixels(self._path, self._manifest.plan, self._profile)
        self._other_planes: Recent[int, SlidePixels] = Recent(_HELD_PLANES)

    def tile(self, place: Sequence[int], mix: Mix | None, plane: int | None) -> bytes:
        """Return the tile ``place`` = (z, x, y) as JPEG."""
        z, x, y = place
        return encode(self._pixels_at(plane).tile(z, x, y, mix), sharp=bool(self._manifest.channels))

    def region(self, crop: Sequence[int], mix: Mix | None, plane: int | None) -> bytes:
        """Return ``crop`` = (x, y, width, height, longest side of the answer) as JPEG."""
        x, y, width, height, longest = crop
        pixels = self._pixels_at(plane).region((x, y, width, height), longest, mix)
        return encode(pixels, sharp=bool(self._manifest.channels))

    def _pixels_at(self, plane: int | None) -> SlidePixels:
        """Return the pixels of a focal plane; those of few planes are held open at once."""
        stack = self._manifest.stack
        if plane is None or plane == stack.plane or not stack.is_selectable:
            return self._pixels
        pixels = self._other_planes.get(plane)
        if pixels is None:
            plan = replace(self._manifest.plan, plane=plane, stored_levels={})
            pixels = SlidePixels(self._path, plan, self._profile)
            self._other_planes.put(plane, pixels)
        return pixels


_drawn: Final[Recent[tuple[Path, int], DrawnSlide]] = Recent(_HELD_SLIDES)


def draw(folder: Path, edition: int, tile_request: TileRequest) -> bytes:
    """Return the tile or crop that is wanted of the slide in a folder of the storage, as JPEG.

    ``edition`` changes when the slide came again after it was deleted.
    Raises UnreadableSlideError where the file is damaged, ContentError for channels that it lacks.
    """
    slide = _drawn.get((folder, edition))
    if slide is None:
        slide = DrawnSlide(folder)
        _drawn.put((folder, edition), slide)
    if tile_request.tile:
        return slide.tile(tile_request.tile, tile_request.mix, tile_request.plane)
    return slide.region(tile_request.crop or (0, 0, 1, 1, 1), tile_request.mix, tile_request.plane)


def list_stored_levels(folder: Path) -> list[dict[str, Any]]:
    """Return the places of a slide's JPEG tiles in its file, as ``levels_of_rows`` takes it."""
    manifest = read_manifest(folder)
    levels = read_stored_levels(folder / manifest.main, manifest.stored_levels)
    return [
        # Millions of numbers cross as arrays.
        {
            "z": z,
            "width": level.width,
            "height": level.height,
            "columns": level.columns,
            "offsets": np.array(level.offsets),
            "lengths": np.array(level.lengths),
            "header": level.header,
        }
        for z, level in levels.items()
    ]


def levels_of_rows(rows: Sequence[Mapping[str, Any]]) -> dict[int, StoredLevel]:
    """Return the levels that ``list_stored_levels`` listed."""
    return {
        row["z"]: StoredLevel(
            width=row["width"],
            height=row["height"],
            columns=row["columns"],
            offsets=tuple(row["offsets"].tolist()),
            lengths=tuple(row["lengths"].tolist()),
            header=row["header"],
        )
        for row in rows
    }
