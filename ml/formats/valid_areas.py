"""Make polygons valid in the sense of the OGC simple features (ISO 19125-1), within a bound on the work.

Mending a ring with k self-intersections takes time and memory that grow faster than k: a zigzag of 1,001
points (250,000 crossings) takes GEOS more than a minute. A ring is therefore checked before it is mended, and
all areas of one request or file share a ``GeometryBudget``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from ml.formats.geometry_budget import GeometryBudget

# Mended in about 0.1 s; a hand-drawn outline has a few, a brush a few hundred.
MOST_CROSSINGS: Final = 5_000
# Pairs of segments whose boxes overlap; testing as many takes about a second.
MOST_PAIRS: Final = 2_000_000
# Rings below this have too few pairs to matter.
_SMALL: Final = 2_000
_SAMPLE: Final = 64
_CHUNK: Final = 1024
_LEAST_CORNERS: Final = 3


class TangledError(ValueError):
    """Error of a ring with more self-intersections than are repaired."""


def is_valid_area(area: BaseGeometry) -> bool:
    """Return whether an area is valid; raises TangledError where the check would take too long."""
    if shapely.get_num_coordinates(area) > _SMALL:
        _check_pairs(_segments(area))
    return bool(area.is_valid)


def mend_area(area: BaseGeometry, budget: GeometryBudget | None = None) -> BaseGeometry:
    """Return the valid Polygon or MultiPolygon that an area encloses, empty where it encloses none.

    The rings are made valid (GEOS ``structure``), the outer ones united, the holes taken away. A hole
    outside its ring, which GEOS alone would turn into an area, takes nothing away.
    Raises TangledError for a ring that crosses itself more than ``MOST_CROSSINGS`` times, and
    BudgetSpentError.
    """
    budget = budget or GeometryBudget()
    budget.cross(_count_crossings(_segments(area)))
    parts = [_mend_polygon(polygon) for polygon in shapely.get_parts(area)]
    whole = areas_of(parts[0] if len(parts) == 1 else shapely.union_all(parts))
    budget.make(int(shapely.get_num_coordinates(whole)))
    return whole


def _mend_polygon(polygon: Polygon) -> BaseGeometry:
    shell, *holes = (_mend_ring(ring) for ring in shapely.get_rings(polygon))
    return shapely.difference(shell, shapely.disjoint_subset_union_all(holes)) if holes else shell


def _mend_ring(ring: Any) -> BaseGeometry:
    mended: BaseGeometry = shapely.make_valid(Polygon(ring), method="structure", keep_collapsed=False)
    return mended


def areas_of(geometry: BaseGeometry) -> BaseGeometry:
    """Return the areas of a geometry as one Polygon or MultiPolygon; lines and points are dropped."""
    polygons = [
        part
        for member in shapely.get_parts(geometry)
        for part in shapely.get_parts(member)
        if isinstance(part, Polygon) and part.area > 0
    ]
    return polygons[0] if len(polygons) == 1 else MultiPolygon(polygons)


def count_outer_holes(area: BaseGeometry, budget: GeometryBudget | None = None) -> int:
    """Return the number of holes without area in common with their ring.

    Raises TangledError or BudgetSpentError as ``mend_area`` does.
    """
    (budget or GeometryBudget()).cross(_count_crossings(_segments(area)))
    count = 0
    for polygon in shapely.get_parts(area):
        if shapely.get_num_interior_rings(polygon):
            shell, *holes = (_mend_ring(ring) for ring in shapely.get_rings(polygon))
            inside = find_overlapping(shell, shapely.STRtree(holes))
            count += sum(not hole.is_empty for hole in holes) - len(inside)
    return count


def subtract_areas(
    area: BaseGeometry, others: Sequence[BaseGeometry], budget: GeometryBudget
) -> BaseGeometry:
    """Return a valid area minus other valid areas; empty where they cover it.

    Raises TangledError where the outlines cross more than ``MOST_CROSSINGS`` times, and BudgetSpentError.
    """
    _check_boolean([area, *others], budget)
    rest = areas_of(shapely.difference(area, shapely.union_all(list(others))))
    budget.make(int(shapely.get_num_coordinates(rest)))
    return rest


def intersect_areas(one: BaseGeometry, other: BaseGeometry, budget: GeometryBudget) -> BaseGeometry:
    """Return the area that two valid areas have in common, empty where there is none.

    Raises TangledError where the outlines cross more than ``MOST_CROSSINGS`` times, and BudgetSpentError.
    """
    _check_boolean([one, other], budget)
    common = areas_of(shapely.intersection(one, other))
    budget.make(int(shapely.get_num_coordinates(common)))
    return common


def _check_boolean(areas: Sequence[BaseGeometry], budget: GeometryBudget) -> None:
    budget.read(int(shapely.get_num_coordinates(areas).sum()))
    budget.cross(_count_crossings(np.concatenate([_segments(area) for area in areas])))


def find_overlapping(area: BaseGeometry, tree: shapely.STRtree) -> list[int]:
    """Return the indices in a spatial index of valid areas that overlap a valid area, in order."""
    shapely.prepare(area)
    met = np.sort(tree.query(area, predicate="intersects"))
    overlapping: list[int] = met[~shapely.touches(area, tree.geometries[met])].tolist()
    return overlapping


def find_simple_rings(coordinates: NDArray[np.float64], rings: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which rings are certainly simple, bool (rings,): those that turn once around their centre.

    Most outlines of cells are. False only means that the ring needs a complete check.

    Parameters
    ----------
    coordinates
        (points, 2) float; each ring closed, so that its last point is its first.
    rings
        (rings + 1,) offsets into the coordinates.

    """
    starts, counts = rings[:-1], np.diff(rings)
    low, high = (reduce.reduceat(coordinates, starts, axis=0) for reduce in (np.minimum, np.maximum))
    around = coordinates - np.repeat((low + high) / 2, counts, axis=0)
    x, y = np.ascontiguousarray(around[:, 0]), np.ascontiguousarray(around[:, 1])
    turn = np.zeros(len(x))
    turn[:-1] = x[:-1] * y[1:] - x[1:] * y[:-1]
    rises = np.zeros(len(x), dtype=np.int32)
    rises[:-1] = (y[:-1] < 0) != (y[1:] < 0)
    last = rings[1:] - 1
    turn[last], rises[last] = 0, 0
    # Strictly one way at each step, and across the horizontal axis twice: once around.
    turns = np.add.reduceat(np.sign(turn), starts)
    simple: NDArray[np.bool_] = (np.abs(turns) == counts - 1) & (np.add.reduceat(rises, starts) == 2)  # noqa: PLR2004
    return simple & (counts > _LEAST_CORNERS)


def _segments(area: BaseGeometry) -> NDArray[np.float64]:
    """Return the segments of all rings, (segments, 2, 2)."""
    rings = shapely.get_rings(shapely.get_parts(area))
    parts = [shapely.get_coordinates(ring) for ring in rings]
    parts = [np.stack([points[:-1], points[1:]], axis=1) for points in parts if len(points) > 1]
    return np.concatenate(parts) if parts else np.zeros((0, 2, 2))


def _check_pairs(segments: NDArray[np.float64]) -> None:
    """Raise TangledError where a sample shows too many segments with overlapping boxes."""
    if len(segments) < _SMALL:
        return
    low, high = segments.min(axis=1), segments.max(axis=1)
    sample = np.random.default_rng(0).choice(len(segments), _SAMPLE, replace=False)
    pairs = sum(int(((low <= high[n]) & (high >= low[n])).all(axis=1).sum()) for n in sample)
    if pairs / _SAMPLE * len(segments) > 2 * MOST_PAIRS:
        raise TangledError


def _count_crossings(segments: NDArray[np.float64]) -> int:
    """Return the number of crossings of the segments; raises TangledError beyond ``MOST_CROSSINGS``."""
    _check_pairs(segments)
    lines: Any = shapely.linestrings(segments)
    tree = shapely.STRtree(lines)
    # Each crossing is met twice; a segment meets itself and its two neighbours.
    pairs = count = 0
    for start in range(0, len(lines), _CHUNK):
        chunk = lines[start : start + _CHUNK]
        pairs += len(tree.query(chunk)[0])
        if pairs > 2 * MOST_PAIRS + 3 * len(lines):
            raise TangledError
        count += len(tree.query(chunk, predicate="intersects")[0]) - 3 * len(chunk)
        if count > 2 * MOST_CROSSINGS:
            raise TangledError
    return max(count, 0) // 2
