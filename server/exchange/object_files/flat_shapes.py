"""Flat arrays of shapes for an object set: collection, selection, concatenation, conversion to areas."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from ml.objectset import FlatObjects


@dataclass(slots=True)
class Collected:
    """Shapes of rows as nested lists, to be converted into flat arrays."""

    points: list[Any] = field(default_factory=list)
    per_ring: list[int] = field(default_factory=list)
    per_polygon: list[int] = field(default_factory=list)
    per_object: list[int] = field(default_factory=list)
    numbers: list[tuple[float, float]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)

    def add(self, row: int, polygons: list[list[list[Any]]], name: str, numbers: tuple[float, float]) -> None:
        """Add an object: polygons of rings of points, a point as one ring of one point."""
        for rings in polygons:
            for ring in rings:
                self.points.extend(ring)
                self.per_ring.append(len(ring))
            self.per_polygon.append(len(rings))
        self.per_object.append(len(polygons))
        self.numbers.append(numbers)
        self.names.append(name)
        self.rows.append(row)

    def flat(self, coordinates: NDArray[np.float64], classes: list[str]) -> FlatObjects:
        """Return the flat arrays; ``coordinates`` are those of the points."""
        numbers = np.array(self.numbers, dtype=np.float32).reshape(-1, 2)
        places = {name: number for number, name in enumerate(classes)}
        return FlatObjects(
            coordinates,
            starts_of(self.per_ring),
            np.array([places[name] for name in self.names], dtype=np.int64),
            numbers[:, 0],
            numbers[:, 1],
            starts_of(self.per_polygon),
            starts_of(self.per_object),
        )

    def places_without_numbers(self) -> list[int]:
        """Return the indices of the objects with a point that is not two numbers."""
        first = starts_of(self.per_ring)[starts_of(self.per_polygon)[starts_of(self.per_object)]]
        return [
            place
            for place, (start, end) in enumerate(pairwise(first.tolist()))
            if numbers_of_points(self.points[start:end]) is None
        ]


def numbers_of_points(points: list[Any]) -> NDArray[np.float64] | None:
    """Return (points, 2), or None when a point is not two numbers."""
    try:
        values = list(chain.from_iterable([point[:2] for point in points]))
        if len(values) == 2 * len(points) and set(map(type, values)) <= {int, float}:
            return np.array(values, dtype=np.float64).reshape(-1, 2)
    except (TypeError, ValueError, KeyError, OverflowError):
        pass
    return None


def starts_of(counts: Any) -> NDArray[np.int64]:
    """Return the offsets of lists with these lengths."""
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(np.asarray(counts, dtype=np.int64))])


def levels_of(flat: FlatObjects) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the offsets of rings, polygons and objects, none of them left out."""
    rings = np.asarray(flat.rings, dtype=np.int64)
    polygons = np.arange(len(rings)) if flat.polygons is None else np.asarray(flat.polygons)
    objects = np.arange(len(polygons)) if flat.objects is None else np.asarray(flat.objects)
    return rings, polygons, objects


def take(flat: FlatObjects, chosen: NDArray[np.int64]) -> FlatObjects:
    """Return the objects with these numbers."""
    rings, polygons, objects = levels_of(flat)
    of_objects, per_object = _gather(objects, chosen)
    of_polygons, per_polygon = _gather(polygons, of_objects)
    of_rings, per_ring = _gather(rings, of_polygons)
    return FlatObjects(
        flat.coordinates[of_rings],
        starts_of(per_ring),
        flat.label[chosen],
        flat.score[chosen],
        flat.uncertainty[chosen],
        starts_of(per_polygon),
        starts_of(per_object),
    )


def _gather(
    offsets: NDArray[np.int64], chosen: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the indices of the items of chosen lists, and the length of each list."""
    counts = np.diff(offsets)[chosen]
    first = np.repeat(offsets[chosen] - starts_of(counts)[:-1], counts)
    return first + np.arange(len(first)), counts


def join(one: FlatObjects, other: FlatObjects) -> FlatObjects:
    """Return the objects of both."""
    mine, its = levels_of(one), levels_of(other)
    rings, polygons, objects = (
        np.concatenate([left, right[1:] + left[-1]]) for left, right in zip(mine, its, strict=True)
    )
    return FlatObjects(
        np.concatenate([one.coordinates, other.coordinates]),
        rings,
        np.concatenate([one.label, other.label]),
        np.concatenate([one.score, other.score]),
        np.concatenate([one.uncertainty, other.uncertainty]),
        polygons,
        objects,
    )


def areas_of_flat(flat: FlatObjects) -> NDArray[np.object_]:
    """Return the areas of a batch without points as Shapely polygons and multi-polygons."""
    rings, polygons, objects = levels_of(flat)
    ring_of_point = np.repeat(np.arange(len(rings) - 1), np.diff(rings))
    polygon_of_ring = np.repeat(np.arange(len(polygons) - 1), np.diff(polygons))
    object_of_polygon = np.repeat(np.arange(len(objects) - 1), np.diff(objects))
    lines: Any = shapely.linearrings(np.asarray(flat.coordinates, dtype=np.float64), indices=ring_of_point)
    parts: Any = shapely.polygons(lines, indices=polygon_of_ring)
    if len(parts) == len(objects) - 1:
        return np.asarray(parts)
    areas = np.empty(len(objects) - 1, dtype=object)
    single = np.diff(objects) == 1
    areas[single] = parts[objects[:-1][single]]
    several = ~single[object_of_polygon]
    numbers = np.flatnonzero(~single)
    areas[numbers] = shapely.multipolygons(
        parts[several], indices=np.searchsorted(numbers, object_of_polygon[several])
    )
    return areas
