"""Geometry of a slide's tiles. Level z=0 is the whole slide in one tile; each next one doubles it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Level:
    """One zoom level: its number, its size in its own pixels, its tiles."""

    z: int
    width: int
    height: int
    columns: int
    rows: int


@dataclass(frozen=True)
class Pyramid:
    """A slide of ``width`` x ``height`` level-0 pixels in square tiles; edge tiles are clipped."""

    width: int
    height: int
    tile_size: int

    @cached_property
    def levels(self) -> tuple[Level, ...]:
        """All levels, the whole-slide one first, full resolution last."""
        halvings = 0
        while max(_halved(self.width, halvings), _halved(self.height, halvings)) > self.tile_size:
            halvings += 1
        return tuple(self._level(z, halvings - z) for z in range(halvings + 1))

    def tile_extent(self, z: int, x: int, y: int) -> tuple[int, int] | None:
        """Return (width, height) of a tile in pixels, or None where the slide has no such tile."""
        if not 0 <= z < len(self.levels):
            return None
        level = self.levels[z]
        if not (0 <= x < level.columns and 0 <= y < level.rows):
            return None
        return (
            min(self.tile_size, level.width - x * self.tile_size),
            min(self.tile_size, level.height - y * self.tile_size),
        )

    def _level(self, z: int, halvings: int) -> Level:
        width, height = _halved(self.width, halvings), _halved(self.height, halvings)
        columns, rows = -(-width // self.tile_size), -(-height // self.tile_size)
        return Level(z, width, height, columns, rows)


def _halved(length: int, times: int) -> int:
    return -(-length >> times)
