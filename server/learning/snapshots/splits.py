"""Split of the labels into training, validation and test. Assignments never move.

Units are whole cases, or square blocks of a slide while there is only one case to learn from. A
block and not an annotation is the unit, because an annotation that is deleted and drawn again is a
new one, but its place stays the same place.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from math import ceil
from typing import Final

from shapely import box
from shapely.geometry.base import BaseGeometry

PARTS: Final = ("train", "validation", "test")
SHARES: Final = {"train": 0.6, "validation": 0.15, "test": 0.25}
# A multiple of the common patch sizes 112 and 224, so that their grids do not straddle blocks.
BLOCK_STEP: Final = 448
BLOCKS_PER_SIDE: Final = 8


def block_side(width: int, height: int) -> int:
    """Return the side of a slide's blocks in level-0 pixels; it depends on the slide alone."""
    return ceil(max(width, height) / BLOCKS_PER_SIDE / BLOCK_STEP) * BLOCK_STEP


def cut_into_blocks(geometry: BaseGeometry, side: int, content: str) -> Iterator[tuple[str, BaseGeometry]]:
    """Yield (unit, piece) for each block that a shape intersects.

    A shape smaller than a block stays whole and goes where its centre is: half a nucleus teaches
    nothing. A larger one is cut along the blocks, so that one long stroke can be learned from here
    and measured there; areas beyond the blocks of the slide are in none of them.
    """
    left, top, right, bottom = geometry.bounds
    if max(right - left, bottom - top) <= side:
        centre = geometry.centroid
        yield block_of(content, side, centre.x, centre.y), geometry
        return
    for row in _blocks_between(top, bottom, side):
        for column in _blocks_between(left, right, side):
            block = box(column * side, row * side, (column + 1) * side, (row + 1) * side)
            piece = geometry.intersection(block)
            if not piece.is_empty and piece.area > 0:
                yield block_name(content, row, column), piece


def _blocks_between(low: float, high: float, side: int) -> range:
    """Return the numbers of the blocks of a slide between two places; clipped to the slide."""
    return range(max(0, int(low // side)), min(BLOCKS_PER_SIDE - 1, int(high // side)) + 1)


def block_of(content: str, side: int, x: float, y: float) -> str:
    """Return the name of the block that contains a point; left of or above the slide it is the first one."""
    return block_name(content, max(0, int(y // side)), max(0, int(x // side)))


def block_name(content: str, row: int, column: int) -> str:
    """Return the name of a block: by the slide's content, so that a second import changes nothing."""
    return f"{content[:16]}:{row}:{column}"


def assign_parts(amounts: Mapping[str, Counter[str]], fixed: Mapping[str, str]) -> dict[str, str]:
    """Give each unit a part; units in ``fixed`` keep theirs.

    ``amounts`` says how much of each label a unit holds. Units with many labels choose first; each
    goes where its labels lack most for the shares of 60 % training, 15 % validation and 25 % test,
    so that of two units one is learned from and one is held out. Depends on its arguments alone.
    """
    totals: Counter[str] = Counter()
    for amount in amounts.values():
        totals.update(amount)
    held: dict[str, Counter[str]] = {part: Counter() for part in PARTS}
    parts = {unit: fixed[unit] for unit in sorted(amounts) if unit in fixed}
    for unit, part in parts.items():
        held[part].update(amounts[unit])

    def lack(part: str, unit: str) -> float:
        return sum(SHARES[part] - held[part][label] / totals[label] for label in amounts[unit])

    for unit in sorted(set(amounts) - set(parts), key=lambda unit: _rank(unit, amounts[unit])):
        part = max(("train", "test", "validation"), key=lambda part: lack(part, unit))
        parts[unit] = part
        held[part].update(amounts[unit])
    return parts


def _rank(unit: str, amount: Counter[str]) -> tuple[float, float, str]:
    return (-len(amount), -amount.total(), hashlib.sha256(unit.encode()).hexdigest())
