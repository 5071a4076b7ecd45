"""Check of a batch's shapes for an object set: invalid ones are repaired or reported.

An object set stores coordinates in steps of 1/8 pixel. Shapes are put on that grid before they are checked,
so that kept and exported objects are valid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from ml.contracts import Objects
from ml.formats.valid_areas import (
    TangledError,
    areas_of,
    count_outer_holes,
    find_simple_rings,
    is_valid_area,
    mend_area,
)
from ml.messages import Message
from ml.objectset import FlatObjects
from ml.objectset.columns import MOST_VERTICES, SCALE
from server.exchange.formats.holes import holes_outside
from server.exchange.formats.shapes import UnreadRow
from server.exchange.object_files.flat_shapes import areas_of_flat, join, levels_of, take

# As far from the slide as a coordinate is usable.
_FARTHEST: Final = 1e8
_LEAST_CORNERS: Final = 3
# Areas with more vertices are checked one by one, with a bound on the work.
_LARGE: Final = 5_000
_OFF_SLIDE: Final = Message("row_off_slide")
_NOT_NUMBER: Final = Message("row_coordinate_not_number")
_THIN: Final = Message("row_ring_too_thin")
_NO_AREA: Final = Message("row_no_area")
_TANGLED: Final = Message("row_tangled")


@dataclass(frozen=True, slots=True)
class SlideRules:
    """Size (width, height) of the slide, and whether shapes are cut at its edge."""

    size: tuple[int, int]
    is_cut: bool = False
    scale: float = 1.0


@dataclass(slots=True)
class Checked:
    """The valid shapes, how many were repaired or clipped, and the rows that are left out.

    ``middles`` are the middles (n, 2) of the bounds of all shapes, in the coordinates of the file.
    """

    flat: FlatObjects | None
    bad: list[UnreadRow] = field(default_factory=list)
    mended: int = 0
    cut: int = 0
    middles: NDArray[np.float64] | None = None


def check_shapes(flat: FlatObjects, rows: Sequence[int], rules: SlideRules, *, name_holes: bool) -> Checked:
    """Return the valid shapes of a batch with a part on the slide; ``rows`` are their row numbers."""
    if rules.scale != 1:
        flat = replace(flat, coordinates=np.asarray(flat.coordinates, dtype=np.float64) * rules.scale)
    numbers = np.asarray(rows)
    low, high = _bounds(flat)
    middles = (low + high) / 2 / rules.scale
    bad, is_kept = _name_bad(flat, numbers, rules.size, (low, high))
    if not is_kept.any():
        return Checked(None, bad, middles=middles)
    if not is_kept.all():
        chosen = np.flatnonzero(is_kept)
        flat, numbers = take(flat, chosen), numbers[chosen]
    on_grid = replace(flat, coordinates=np.rint(flat.coordinates * SCALE) / SCALE)
    checked = _mend(flat, on_grid, numbers, rules, name_holes=name_holes)
    checked.bad += bad
    checked.middles = middles
    return checked


def _bounds(flat: FlatObjects) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the least and the greatest x and y of each object, (n, 2)."""
    rings, polygons, objects = levels_of(flat)
    starts = rings[polygons[objects]][:-1]
    points = np.asarray(flat.coordinates, dtype=np.float64)
    return np.minimum.reduceat(points, starts, axis=0), np.maximum.reduceat(points, starts, axis=0)


def _name_bad(
    flat: FlatObjects,
    rows: NDArray[np.int64],
    size: tuple[int, int],
    bounds: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> tuple[list[UnreadRow], NDArray[np.bool_]]:
    """Report the rows with an invalid place or number of vertices; return the others."""
    rings, polygons, objects = levels_of(flat)
    counts = np.diff(rings[polygons[objects]])
    low, high = bounds
    usable = ((low >= -_FARTHEST) & (high <= _FARTHEST)).all(axis=1)
    is_point = counts == 1
    width = np.array(size)
    # An area that only touches the edge has no pixel on the slide.
    beyond = np.where(is_point[:, None], (high < 0) | (low > width), (high <= 0) | (low >= width)).any(axis=1)
    closed = (flat.coordinates[rings[:-1]] == flat.coordinates[rings[1:] - 1]).all(axis=1)
    corners = np.diff(rings) - (closed & (np.diff(rings) > 1))
    thinnest = np.minimum.reduceat(corners, polygons[objects[:-1]])
    thin = usable & (thinnest < _LEAST_CORNERS) & ~is_point
    reasons = ((~usable, _NOT_NUMBER), (usable & beyond, _OFF_SLIDE), (thin, _THIN))
    bad = [UnreadRow(int(rows[row]), reason) for mask, reason in reasons for row in np.flatnonzero(mask)]
    fine = counts > MOST_VERTICES
    bad += [UnreadRow(int(rows[row]), _too_many_vertices(int(counts[row]))) for row in np.flatnonzero(fine)]
    return bad, ~(~usable | beyond | thin | fine)


def _too_many_vertices(count: int) -> Message:
    return Message(
        "row_too_many_vertices",
        count=count,
        most=MOST_VERTICES,
    )


def _mend(
    given: FlatObjects, on_grid: FlatObjects, rows: NDArray[np.int64], rules: SlideRules, *, name_holes: bool
) -> Checked:
    """Repair and clip the shapes that need it; ``given`` has the coordinates of the file."""
    checked = Checked(on_grid)
    doubtful = _find_doubtful(on_grid)
    partly = _find_partly_outside(on_grid, rules.size)
    looked_at = np.flatnonzero(doubtful | partly)
    if not len(looked_at):
        return checked
    areas = areas_of_flat(take(on_grid, looked_at))
    valid = _valid(areas)
    before = _valid_before(given, looked_at, valid)
    changed = np.zeros(len(looked_at), dtype=bool)
    dropped = np.zeros(len(looked_at), dtype=bool)
    slide = shapely.box(0, 0, *rules.size)
    for place in np.flatnonzero(~valid | partly[looked_at]).tolist():
        row = int(rows[looked_at[place]])
        area, reason = areas[place], None
        if not valid[place]:
            area, reason, notes = _mended(area, before.get(place), row, name_holes=name_holes)
            checked.bad += notes
            checked.mended += reason is None and place in before
        if reason is None and partly[looked_at[place]]:
            area, reason, is_cut = _on_slide(area, slide, rules)
            checked.cut += is_cut
            changed[place] |= is_cut
        changed[place] |= not valid[place]
        if reason is not None:
            checked.bad.append(UnreadRow(row, reason))
            dropped[place] = True
        areas[place] = area
    checked.flat = _replaced(on_grid, looked_at, areas, changed, dropped)
    return checked


def _find_doubtful(flat: FlatObjects) -> NDArray[np.bool_]:
    """Return which objects are areas that are not certainly valid."""
    rings, polygons, objects = levels_of(flat)
    per_object = np.diff(polygons[objects])
    is_point = (per_object == 1) & (np.diff(rings[polygons[objects]]) == 1)
    doubtful: NDArray[np.bool_] = ~is_point
    alone = np.flatnonzero(doubtful & (per_object == 1))
    if len(alone):
        part = flat if len(alone) == len(doubtful) else take(flat, alone)
        part_rings = levels_of(part)[0]
        ends = part_rings[1:] - 1
        closed = (part.coordinates[part_rings[:-1]] == part.coordinates[ends]).all(axis=1)
        simple = find_simple_rings(np.asarray(part.coordinates, dtype=np.float64), part_rings)
        doubtful[alone[simple & closed]] = False
    return doubtful


def _find_partly_outside(flat: FlatObjects, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Return which areas reach beyond the slide."""
    rings, polygons, objects = levels_of(flat)
    starts = rings[polygons[objects]]
    low, high = _bounds(flat)
    beyond: NDArray[np.bool_] = np.logical_or(low < 0, high > np.array(size))
    partly: NDArray[np.bool_] = np.logical_and(beyond.any(axis=1), np.diff(starts) > 1)
    return partly


def _valid(areas: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return which areas are valid; one that cannot be checked in time is not."""
    large = shapely.get_num_coordinates(areas) > _LARGE
    valid: NDArray[np.bool_] = np.zeros(len(areas), dtype=bool)
    valid[~large] = shapely.is_valid(areas[~large]) & (shapely.area(areas[~large]) > 0)
    for place in np.flatnonzero(large):
        try:
            valid[place] = is_valid_area(areas[place])
        except TangledError:
            valid[place] = False
    return valid


def _valid_before(
    given: FlatObjects, looked_at: NDArray[np.int64], valid: NDArray[np.bool_]
) -> dict[int, Any]:
    """Return by index the areas of the file that were invalid before snapping to the grid."""
    places = np.flatnonzero(~valid)
    if not len(places):
        return {}
    areas = areas_of_flat(take(given, looked_at[places]))
    return {int(place): area for place, area, ok in zip(places, areas, _valid(areas), strict=True) if not ok}


def _mended(
    area: Any, before: Any | None, row: int, *, name_holes: bool
) -> tuple[Any, Message | None, list[UnreadRow]]:
    """Return a valid area on the grid, or the reason for its omission, and notes on its holes."""
    notes: list[UnreadRow] = []
    try:
        whole = mend_area(area)
        outside = count_outer_holes(before) if name_holes and before is not None else 0
    except TangledError:
        return area, _TANGLED, notes
    if outside:
        notes.append(UnreadRow(row, holes_outside(outside)))
    whole = areas_of(shapely.set_precision(whole, 1 / SCALE))
    if whole.is_empty or not whole.is_valid:
        return area, _NO_AREA, notes
    return whole, None, notes


def _on_slide(area: Any, slide: Any, rules: SlideRules) -> tuple[Any, Message | None, bool]:
    """Return an area, clipped at the edge of the slide on request, or the reason for its omission."""
    inside = areas_of(shapely.intersection(area, slide, grid_size=1 / SCALE))
    if inside.is_empty:
        return area, _OFF_SLIDE, False
    return (inside, None, True) if rules.is_cut else (area, None, False)


def _replaced(
    flat: FlatObjects,
    looked_at: NDArray[np.int64],
    areas: NDArray[np.object_],
    changed: NDArray[np.bool_],
    dropped: NDArray[np.bool_],
) -> FlatObjects | None:
    """Return a batch with some areas replaced and some dropped."""
    changed = changed & ~dropped
    if not changed.any() and not dropped.any():
        return flat
    same = np.ones(len(flat), dtype=bool)
    same[looked_at[changed | dropped]] = False
    which = looked_at[changed]
    parts = []
    if same.any():
        parts.append(take(flat, np.flatnonzero(same)))
    if len(which):
        columns = flat.label[which], flat.score[which], flat.uncertainty[which]
        parts.append(FlatObjects.from_shapely(Objects(areas[changed], *columns)))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else join(*parts)
