"""Bound the work and the output that the geometry of one request or one file may cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ml.contracts import DataError
from ml.messages import Message

# Two million points are about 30 MB of GeoJSON.
MOST_POINTS_READ: Final = 5_000_000
MOST_POINTS_MADE: Final = 2_000_000
# An outline may cross itself 5,000 times; so many together are mended in about a second.
MOST_CROSSINGS_IN_ALL: Final = 50_000
MOST_SECONDS: Final = 60.0


class BudgetSpentError(DataError):
    """Error of a request or file whose shapes together exceed the budget."""


@dataclass(slots=True)
class GeometryBudget:
    """Remaining points, crossings and time; each method raises BudgetSpentError when one is used up.

    Time is checked between steps; the limits of one outline bound each step. A stored point
    takes at most 40 bytes, so the points made bound the bytes too.
    """

    points_read: int = MOST_POINTS_READ
    points_made: int = MOST_POINTS_MADE
    crossings: int = MOST_CROSSINGS_IN_ALL
    seconds: float = MOST_SECONDS
    clock: Callable[[], float] = time.monotonic
    _began: float = field(init=False)

    def __post_init__(self) -> None:
        self._began = self.clock()

    def read(self, points: int) -> None:
        """Spend points that were read."""
        self.points_read -= points
        if self.points_read < 0:
            raise BudgetSpentError(_TOO_MANY)
        self._check_time()

    def make(self, points: int) -> None:
        """Spend points that are stored or compared later."""
        self.points_made -= points
        if self.points_made < 0:
            raise BudgetSpentError(_TOO_MANY)
        self._check_time()

    def cross(self, crossings: int) -> None:
        """Spend crossings of outlines with themselves or with their exclusions."""
        self.crossings -= crossings
        if self.crossings < 0:
            raise BudgetSpentError(_TOO_TANGLED)
        self._check_time()

    def _check_time(self) -> None:
        if self.clock() - self._began > self.seconds:
            raise BudgetSpentError(_TOO_SLOW)


_TOO_MANY: Final = Message(
    "geometry_too_large",
)
_TOO_TANGLED: Final = Message(
    "geometry_too_tangled",
)
_TOO_SLOW: Final = Message(
    "geometry_too_slow",
)
