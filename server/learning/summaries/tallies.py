"""The unit of a learning summary: number of shapes of one label in one block of a slide."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

import numpy as np
import shapely

from server.annotations.callbacks import DrawnShape
from server.learning.snapshots.splits import block_of, block_side, cut_into_blocks
from server.slides.models import Slide

# In the place of a label: an area that was declared finished.
FINISHED: Final = "finished"
BATCH: Final = 2000

Key = tuple[str, str]  # unit, label id or FINISHED


@dataclass(slots=True)
class Tally:
    """``shapes`` begin in the block, ``pieces`` are inside it; ``area`` in square pixels."""

    shapes: int = 0
    pieces: int = 0
    area: float = 0.0


@dataclass(slots=True)
class Tallies:
    """Tallies by block and label."""

    by_key: dict[Key, Tally] = field(default_factory=dict)

    def count(self, slide: Slide, drawn: Iterable[DrawnShape], sign: int = 1) -> None:
        """Add shapes of a slide; a ``sign`` of -1 subtracts them."""
        rest = iter(drawn)
        while batch := list(islice(rest, BATCH)):
            self._count(slide, batch, sign)

    def _count(self, slide: Slide, drawn: list[DrawnShape], sign: int) -> None:
        side = block_side(slide.width, slide.height)
        shapes = shapely.force_2d(shapely.from_geojson([json.dumps(item.geometry) for item in drawn]))
        left, top, right, bottom = shapely.bounds(shapes).T
        is_whole = np.maximum(right - left, bottom - top) <= side
        centres, areas = shapely.get_coordinates(shapely.centroid(shapes)), shapely.area(shapes)
        for number, item in enumerate(drawn):
            label = FINISHED if item.is_finished_region else str(item.label_id)
            if is_whole[number]:
                unit = block_of(slide.sha256, side, *centres[number].tolist())
                self._add(unit, label, sign, float(areas[number]), is_first=True)
                continue
            for place, (unit, piece) in enumerate(cut_into_blocks(shapes[number], side, slide.sha256)):
                self._add(unit, label, sign, float(piece.area), is_first=place == 0)

    def _add(self, unit: str, label: str, sign: int, area: float, *, is_first: bool) -> None:
        tally = self.by_key.setdefault((unit, label), Tally())
        tally.shapes += sign * is_first
        tally.pieces += sign
        tally.area += sign * area
