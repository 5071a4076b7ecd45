"""Instance segmentation from class probabilities and depth or offsets, and outlines of the instances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import find_contours
from skimage.morphology import remove_small_objects
from skimage.segmentation import watershed

BOTTOM = 5.0
TOLERANCE = 0.35
CORNERS = 4


@dataclass(frozen=True, slots=True)
class Cut:
    """Thresholds of the instance segmentation; a recipe chooses them on the validation images.

    ``inside``: the share from which a pixel is an object's. ``smooth``: standard deviation in pixels by
    which the second map is smoothed, and ``limit`` what of it parts two objects.
    """

    inside: float
    smooth: float
    limit: float


def split_objects(
    foreground: NDArray[np.float32], depth: NDArray[np.float32], smallest: int, cut: Cut
) -> NDArray[np.int32]:
    """Return an instance label image from (h, w) probability of any object and depth, 0..1.

    Where depth rises above the limit grows one object; what never gets that deep is one by itself.
    """
    mask = ndimage.binary_fill_holes(foreground > cut.inside)
    smooth = ndimage.gaussian_filter(depth, cut.smooth)
    seeds, count = ndimage.label((smooth > cut.limit) & mask)
    blobs, _ = ndimage.label(mask)
    seeded = np.zeros(int(blobs.max()) + 1, dtype=bool)
    seeded[blobs[seeds > 0]] = True
    lonely = mask & ~seeded[blobs]
    seeds = np.where(lonely, blobs + count, seeds)
    objects = watershed(-smooth, seeds, mask=mask)
    return _numbered(objects, smallest)


def split_by_offsets(
    foreground: NDArray[np.float32], offsets: NDArray[np.float32], smallest: int, cut: Cut
) -> NDArray[np.int32]:
    """Return an instance label image from (h, w) probability of any object and offsets (2, h, w).

    Where one object ends and the next begins, offsets jump from 1 to -1: a steep slope parts them. What is
    inside and not steep is a seed, and watershed grows the seeds over the slopes. Graham et al., Medical
    Image Analysis 58:101563 (2019).
    """
    mask = remove_small_objects(foreground > cut.inside, max_size=max(1, smallest // 2))
    slopes = [
        1 - _scaled(ndimage.sobel(ndimage.gaussian_filter(layer, cut.smooth), axis=axis))
        for layer, axis in zip(offsets, (1, 0), strict=True)
    ]
    # Offsets rise inside an object and fall steeply between two: the scaled slope is near 0 there.
    steep = np.maximum(*slopes) * mask
    seeds = ndimage.binary_opening(ndimage.binary_fill_holes(mask & (steep < cut.limit)), iterations=1)
    markers, count = ndimage.label(remove_small_objects(seeds, max_size=max(1, smallest // 4)))
    blobs, _ = ndimage.label(mask)
    seeded = np.zeros(int(blobs.max()) + 1, dtype=bool)
    seeded[blobs[markers > 0]] = True
    markers = np.where(mask & ~seeded[blobs], blobs + count, markers)
    energy = ndimage.gaussian_filter(steep, 1.0)
    return _numbered(watershed(energy, markers, mask=ndimage.binary_fill_holes(mask)), smallest)


def _scaled(values: NDArray[np.float32]) -> NDArray[np.float32]:
    low, high = float(values.min()), float(values.max())
    scaled: NDArray[np.float32] = (values - low) / max(high - low, 1e-6)
    return scaled


def _numbered(objects: NDArray[np.int32], smallest: int) -> NDArray[np.int32]:
    """Return objects of at least ``smallest`` pixels, numbered from 1."""
    area = np.bincount(objects.ravel())
    kept = area >= smallest
    kept[0] = False
    numbers = np.where(kept, np.cumsum(kept), 0)
    numbered: NDArray[np.int32] = numbers[objects].astype(np.int32)
    return numbered


def depth_of(instances: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the depth of each pixel in its object (h, w): 0 outside, 1 from ``BOTTOM`` pixels on.

    A distance that ends soon can be told from a small neighbourhood, whatever the object's size.
    """
    depth = np.zeros(instances.shape, dtype=np.float32)
    for number, place in enumerate(ndimage.find_objects(instances), start=1):
        if place is None:
            continue
        inside = np.pad(instances[place] == number, 1)
        distance = ndimage.distance_transform_edt(inside)[1:-1, 1:-1]
        depth[place] = np.where(inside[1:-1, 1:-1], np.minimum(distance / BOTTOM, 1.0), depth[place])
    return depth


def trace_objects(
    instances: NDArray[np.int32], owns: Callable[[float, float], bool]
) -> tuple[NDArray[np.intp], NDArray[np.object_]]:
    """Return numbers (n,) and outlines (n,) of the objects whose centre (y, x) is owned."""
    numbers, outlines = [], []
    for number, place in enumerate(ndimage.find_objects(instances), start=1):
        mask = instances[place] == number
        rows, columns = np.nonzero(mask)
        top, left = place[0].start, place[1].start
        if not owns(top + rows.mean() + 0.5, left + columns.mean() + 0.5):
            continue
        polygon = outline(mask, top, left)
        if polygon is not None:
            numbers.append(number)
            outlines.append(polygon)
    return np.array(numbers, dtype=np.intp), np.array(outlines, dtype=object)


def outline(mask: NDArray[np.bool_], top: int, left: int) -> shapely.Polygon | None:
    """Return the outline of a mask whose first pixel is (``left``, ``top``); None for a sliver.

    Pixel centres are at halves, so that the outline's area is near the number of pixels.
    """
    framed = np.pad(mask, 1).astype(np.float32)
    contours = find_contours(framed, 0.5)
    pieces = [
        piece
        for ring in contours
        if len(ring) >= CORNERS
        for piece in _polygons(ring[:, ::-1] + (left - 0.5, top - 0.5))
    ]
    return max(pieces, key=lambda piece: piece.area, default=None)


def _polygons(ring: NDArray[np.float64]) -> list[shapely.Polygon]:
    """Return the valid pieces of a simplified ring; usually one."""
    simple = shapely.make_valid(shapely.Polygon(ring).simplify(TOLERANCE))
    return [
        piece
        for piece in getattr(simple, "geoms", [simple])
        if isinstance(piece, shapely.Polygon) and piece.area > 0
    ]
