"""Outlines with holes from a grid of numbers, traced at its zero crossings."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from shapely.affinity import translate
from skimage.measure import find_contours

LITTLE = 1e-3
TOLERANCE = 0.4
CORNERS = 4


def trace_regions(
    field: NDArray[np.float32], smallest: int
) -> list[tuple[NDArray[np.int32], shapely.Polygon]]:
    """Return (cells int32 (n, 2), polygon) of each connected area where ``field`` (h, w) is above zero.

    Polygons have holes and are in units of cells, whose first corner is (0, 0); they are simplified by
    Douglas and Peucker to within half a cell. NaN is below zero; areas of fewer than ``smallest`` cells are
    dropped.
    """
    known = np.nan_to_num(field, nan=-1.0)
    areas, _ = ndimage.label(known > 0)
    regions = []
    for number, place in enumerate(ndimage.find_objects(areas), start=1):
        mask = areas[place] == number
        if mask.sum() < smallest:
            continue
        polygon = _outline(
            np.where(mask, np.maximum(known[place], LITTLE), np.minimum(known[place], -LITTLE))
        )
        if polygon is None:
            continue
        top, left = place[0].start, place[1].start
        cells = (np.argwhere(mask) + np.array([top, left])).astype(np.int32)
        regions.append((cells, translate(polygon, left, top)))
    return regions


def _outline(field: NDArray[np.float32]) -> shapely.Polygon | None:
    """Return the largest polygon of the area above zero; cell centres are at halves."""
    # As far below zero outside as above inside, so that the outline ends at the border of the last cells.
    framed = np.pad(np.clip(field, -1, 1), 1, mode="edge")
    inner = np.pad(np.ones(field.shape, dtype=bool), 1)
    framed[~inner] = -np.abs(framed[~inner])
    rings = [ring[:, ::-1] - 0.5 for ring in find_contours(framed, 0.0) if len(ring) >= CORNERS]
    if not rings:
        return None
    lines = shapely.multilinestrings([shapely.linestrings(ring) for ring in rings])
    # Even and odd: a ring inside another one is a hole.
    area = shapely.make_valid(shapely.simplify(shapely.build_area(lines), TOLERANCE))
    pieces = [piece for piece in shapely.get_parts(area) if isinstance(piece, shapely.Polygon)]
    return max(pieces, key=lambda piece: piece.area, default=None)
