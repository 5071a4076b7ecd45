"""Shapes as flat coordinates and offsets: the fast input of an object set, without an object per shape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray
from shapely import GeometryType

from ml.contracts import Objects

POINT = int(GeometryType.POINT)
POLYGON = int(GeometryType.POLYGON)
MULTIPOLYGON = int(GeometryType.MULTIPOLYGON)


@dataclass(frozen=True, slots=True)
class FlatObjects:
    """A batch of n shapes.

    ``coordinates``: (points, 2) float, level-0 pixels. ``rings``: offsets (rings + 1) of each ring
    into the coordinates; a ring may repeat its first point at its end or not, and a ring of one
    point is a point. ``polygons``: offsets of each polygon into the rings, outer ring first; None
    when each ring is a polygon. ``objects``: offsets (n + 1) into the polygons; None when each
    polygon is an object. ``label``, ``score`` and ``uncertainty``: (n,) as in ``Objects``;
    a score is NaN where there is none.
    """

    coordinates: NDArray[Any]
    rings: NDArray[np.int64]
    label: NDArray[Any]
    score: NDArray[np.float32]
    uncertainty: NDArray[np.float32]
    polygons: NDArray[np.int64] | None = None
    objects: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.label)

    def pieces(self, vertices: int) -> Iterator[Self]:
        """Yield consecutive parts of about so many vertices, so that each fits the CPU cache."""
        objects = np.arange(len(self) + 1) if self.objects is None else self.objects
        polygons = objects if self.polygons is None else self.polygons[objects]
        first = np.asarray(self.rings)[polygons]
        cut = 0
        while cut < len(self):
            end = max(cut + 1, int(np.searchsorted(first, first[cut] + vertices, side="right")) - 1)
            yield self._part(cut, min(end, len(self)))
            cut = end

    def _part(self, start: int, end: int) -> Self:
        low, high, levels = start, end, []
        for offsets in (self.objects, self.polygons, self.rings):
            part = None if offsets is None else np.asarray(offsets)[low : high + 1]
            levels.append(None if part is None else part - part[0])
            if part is not None:
                low, high = int(part[0]), int(part[-1])
        objects, polygons, rings = levels
        return type(self)(
            self.coordinates[low:high],
            rings if rings is not None else np.zeros(1, dtype=np.int64),
            self.label[start:end],
            self.score[start:end],
            self.uncertainty[start:end],
            polygons,
            objects,
        )

    @classmethod
    def from_arrow(cls, batch: pa.RecordBatch) -> Self:
        """Read a record batch whose column ``geometry`` is GeoArrow ``polygon`` with interleaved coordinates.

        That is list<list<fixed_size_list<float, 2>>>; beside it ``label``, ``score``, ``uncertainty``.
        """
        geometry = batch.column("geometry")
        polygons = _offsets(geometry)
        rings = _offsets(geometry.values)
        coordinates = geometry.values.values.flatten().to_numpy().reshape(-1, 2)
        single = bool((np.diff(polygons) == 1).all())
        return cls(
            coordinates=coordinates,
            rings=rings,
            polygons=None if single else polygons,
            label=batch.column("label").to_numpy(),
            score=batch.column("score").to_numpy(),
            uncertainty=batch.column("uncertainty").to_numpy(),
        )

    @classmethod
    def from_shapely(cls, batch: Objects) -> Self:
        """Flatten Shapely shapes; raises ValueError for anything but points and areas."""
        geometry = batch.geometry
        kinds = shapely.get_type_id(geometry)
        if not np.isin(kinds, (POINT, POLYGON, MULTIPOLYGON)).all() or shapely.is_empty(geometry).any():
            message = "An object is a point, a polygon or several polygons, and not empty."
            raise ValueError(message)
        points = kinds == POINT
        coordinates, per_ring, per_polygon, per_object = _levels(geometry[~points])
        if points.any():
            # A point goes in front of the area that follows it, as an object of one ring of one vertex.
            following = (np.cumsum(~points) - ~points)[points]
            first_polygon = _starts(per_object)[following]
            first_ring = _starts(per_polygon)[first_polygon]
            first_vertex = _starts(per_ring)[first_ring]
            where = shapely.get_coordinates(geometry[points])
            coordinates = np.insert(coordinates, first_vertex, where, axis=0)
            per_ring = np.insert(per_ring, first_ring, 1)
            per_polygon = np.insert(per_polygon, first_polygon, 1)
            per_object = np.insert(per_object, following, 1)
        return cls(
            coordinates=coordinates,
            rings=_starts(per_ring),
            polygons=_starts(per_polygon),
            objects=_starts(per_object),
            label=batch.label,
            score=batch.score,
            uncertainty=batch.uncertainty,
        )


def _starts(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts, dtype=np.int64)])


def _offsets(lists: Any) -> NDArray[np.int64]:
    if lists.offset or (len(lists) and lists.offsets[0].as_py()):
        message = "The batch is a slice of another; combine it first."
        raise ValueError(message)
    offsets: NDArray[np.int64] = lists.offsets.to_numpy().astype(np.int64)
    return offsets


def _levels(
    areas: NDArray[np.object_],
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return coordinates, and the vertices by ring, rings by polygon, and polygons by object."""
    if not len(areas):
        nothing = np.zeros(0, dtype=np.int64)
        return np.zeros((0, 2)), nothing, nothing, nothing
    kind, coordinates, offsets = shapely.to_ragged_array(areas, include_z=False)
    counts: list[NDArray[np.int64]] = [np.diff(np.asarray(part)).astype(np.int64) for part in offsets]
    if kind == GeometryType.POLYGON:
        return coordinates, counts[0], counts[1], np.ones(len(areas), dtype=np.int64)
    return coordinates, counts[0], counts[1], counts[2]
