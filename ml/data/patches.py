"""Labelled patches from annotations, the same for every recipe of patches.

A patch takes the label of the shape that covers its centre or at least half of it. A shape smaller
than a patch labels the patch around its own centre. A negative shape says what a patch is not. What
is unmarked tissue inside a finished region is background.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from ml.contracts import Dataset, LabelledShape, LabelledSlide
from ml.data.squares import Squares
from ml.slides import PatchGrid, TissueMask

MOSTLY = 0.5
# A patch of which more than this is marked is no clean example of background.
HARDLY = 0.1


@dataclass(frozen=True, slots=True)
class PatchSamples:
    """Labelled patches of one slide.

    ``targets`` float64 (n, k) are probabilities over the classes (labels, then background where
    there is such a class); ``truth`` int16 (n,) is the class, or -1 where only a "not" is known;
    ``units`` (n,) names what each patch must not be separated from by a split.
    """

    squares: Squares
    targets: NDArray[np.float64]
    truth: NDArray[np.int16]
    weights: NDArray[np.float64]
    units: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.squares)

    def take(self, keep: NDArray[np.bool_]) -> PatchSamples:
        """Return the samples for which ``keep`` (n,) is true."""
        return PatchSamples(
            Squares(self.squares.corners[keep], self.squares.side),
            self.targets[keep],
            self.truth[keep],
            self.weights[keep],
            self.units[keep],
        )


def has_background(dataset: Dataset) -> bool:
    """Return whether any patch is known to have none of the labels."""
    for slide in dataset.slides:
        if slide.finished:
            return True
        for shape in slide.shapes:
            if shape.negative and (shape.label is None or len(dataset.labels) == 1):
                return True
    return False


def part_of(dataset: Dataset, unit: str) -> str:
    """Return the part of a unit; units without a split are for training."""
    return dataset.parts.get(unit, "train")


def in_parts(dataset: Dataset, units: NDArray[np.str_], parts: Sequence[str]) -> NDArray[np.bool_]:
    """Return the units (n,) in one of the parts, as a mask; ``all`` means any."""
    if "all" in parts:
        return np.ones(len(units), dtype=bool)
    return np.array([part_of(dataset, str(unit)) in parts for unit in units], dtype=bool)


def label_patches(
    slide: LabelledSlide,
    grid: PatchGrid,
    tissue: TissueMask | None,
    dataset: Dataset,
    *,
    background: bool,
) -> PatchSamples:
    """Return the labelled patches of a slide. ``grid`` is the full one; ``tissue`` limits background.

    Without ``background`` there is no such class, and finished regions add nothing.
    """
    labels = {label: number for number, label in enumerate(dataset.labels)}
    classes = len(labels) + background
    marks = _Marks(grid, slide, labels, classes, split_by_region=dataset.split_by != "case")
    if background and slide.finished:
        marks.add_background(slide, tissue)
    return marks.samples()


class _Marks:
    """Collector of labels for patches of the grid and for patches around small shapes."""

    def __init__(
        self,
        grid: PatchGrid,
        slide: LabelledSlide,
        labels: dict[str, int],
        classes: int,
        *,
        split_by_region: bool,
    ) -> None:
        self.grid = grid
        self.classes = classes
        self.background = len(labels) if classes > len(labels) else None
        self.slide = slide
        self.shapes = [s for s in slide.shapes if s.label is None or s.label in labels]
        self.others = [s for s in slide.shapes if s.label is not None and s.label not in labels]
        self.number = labels
        self.units = [(s.group or slide.case) if split_by_region else slide.case for s in self.shapes]
        self.corners = grid.corners()
        self.boxes = grid.boxes()
        self.side = max(1, round(grid.size))
        self.rows: list[tuple[int, int, int, NDArray[np.float64], float]] = []
        self.marked = np.zeros(len(grid), dtype=bool)
        self._mark()

    def _mark(self) -> None:
        small = np.array([self._is_small(shape) for shape in self.shapes], dtype=bool)
        best = self._best_shapes(np.flatnonzero(~small))
        used = set()
        for patch, shapes in best.items():
            used.update(shapes)
            self._say(patch, shapes)
        for number in range(len(self.shapes)):
            if small[number] or number not in used:
                self._say_around(number)

    def _is_small(self, shape: LabelledShape) -> bool:
        left, top, right, bottom = shape.geometry.bounds
        return bool(max(right - left, bottom - top) < self.grid.size * 0.999)

    def _best_shapes(self, numbers: NDArray[np.intp]) -> dict[int, list[int]]:
        """Return the shapes that apply to each patch, in order of decreasing overlap."""
        candidates: dict[int, list[tuple[float, int]]] = {}
        patches, which, covered, centred = self._coverage([self.shapes[i] for i in numbers])
        holds = centred | (covered >= MOSTLY)
        for patch, shape, share in zip(patches[holds], which[holds], covered[holds], strict=True):
            candidates.setdefault(int(patch), []).append((-float(share), int(numbers[shape])))
        self.marked[patches[covered > HARDLY]] = True
        return {patch: [number for _, number in sorted(pairs)] for patch, pairs in candidates.items()}

    def _coverage(
        self, shapes: Sequence[LabelledShape]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64], NDArray[np.bool_]]:
        if not shapes or not len(self.boxes):
            none = np.zeros(0, dtype=np.intp)
            return none, none, np.zeros(0), np.zeros(0, dtype=bool)
        geometry = np.array([_valid(shape.geometry) for shape in shapes], dtype=object)
        which, patches = shapely.STRtree(self.boxes).query(geometry, predicate="intersects")
        shapely.prepare(geometry)
        middle = (self.corners[:, :2] + self.corners[:, 2:]) / 2
        centred = shapely.intersects_xy(geometry[which], *middle[patches].T)
        whole = shapely.contains_properly(geometry[which], self.boxes[patches])
        covered = np.ones(len(which))
        cut = ~whole
        overlap = shapely.intersection(geometry[which[cut]], self.boxes[patches[cut]])
        covered[cut] = shapely.area(overlap) / self.grid.size**2
        return patches, which, covered, centred

    def _say(self, patch: int, shapes: Sequence[int]) -> None:
        x, y = (round(number) for number in self.corners[patch, :2])
        target = self._target([self.shapes[number] for number in shapes])
        if target is not None:
            weight = self.shapes[shapes[0]].weight
            self.rows.append((x, y, shapes[0], target, weight))
        self.marked[patch] = True

    def _say_around(self, number: int) -> None:
        shape = self.shapes[number]
        point = shape.geometry.centroid
        if not self._is_small(shape):
            point = shape.geometry.representative_point()
        x, y = round(point.x - self.grid.size / 2), round(point.y - self.grid.size / 2)
        target = self._target([shape])
        if target is not None:
            self.rows.append((max(0, x), max(0, y), number, target, shape.weight))
        apart = np.abs((self.corners[:, :2] + self.corners[:, 2:]) / 2 - (point.x, point.y))
        self.marked |= (apart <= self.grid.size / 2).all(axis=1)

    def _target(self, shapes: Sequence[LabelledShape]) -> NDArray[np.float64] | None:
        """Return probabilities over the classes; None where the shapes determine none."""
        target = np.zeros(self.classes)
        for shape in shapes:
            if not shape.negative and shape.label is not None:
                target[self.number[shape.label]] = 1.0
                return target
        if any(shape.label is None for shape in shapes):
            if self.background is None:
                return None
            target[self.background] = 1.0
            return target
        possible = np.ones(self.classes)
        possible[[self.number[shape.label] for shape in shapes if shape.label is not None]] = 0.0
        return possible / possible.sum() if possible.any() else None

    def add_background(self, slide: LabelledSlide, tissue: TissueMask | None) -> None:
        """Add patches of unmarked tissue with their centre in a finished region."""
        area = shapely.union_all([_valid(region) for region in slide.finished])
        shapely.prepare(area)
        middle = (self.corners[:, :2] + self.corners[:, 2:]) / 2
        patches, _, covered, _ = self._coverage(self.others)
        self.marked[patches[covered > HARDLY]] = True
        free = shapely.intersects_xy(area, *middle.T) & ~self.marked
        if tissue is not None:
            free &= tissue.shares(self.corners) >= MOSTLY
        target = np.zeros(self.classes)
        target[-1] = 1.0
        near = self._nearest(middle[free])
        for patch, shape in zip(np.flatnonzero(free), near, strict=True):
            x, y = (round(number) for number in self.corners[patch, :2])
            self.rows.append((x, y, int(shape), target, 1.0))

    def _nearest(self, middle: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the nearest shape to each point, whose unit a background patch shares; -1: none."""
        if not self.shapes:
            return np.full(len(middle), -1, dtype=np.intp)
        tree = shapely.STRtree([shape.geometry for shape in self.shapes])
        nearest: NDArray[np.intp] = np.asarray(tree.nearest(shapely.points(middle)), dtype=np.intp)
        return nearest

    def samples(self) -> PatchSamples:
        """Return the collected patches, row by row of the slide, so that insertion order never matters."""
        rows = sorted(self.rows, key=lambda row: (row[1], row[0], row[2]))
        corners = np.array([row[:2] for row in rows], dtype=np.int64).reshape(-1, 2)
        targets = np.array([row[3] for row in rows]).reshape(-1, self.classes)
        sure = targets.max(axis=1, initial=0.0) == 1.0
        names = [self.units[row[2]] if row[2] >= 0 else self.slide.case for row in rows]
        return PatchSamples(
            Squares(corners, self.side),
            targets,
            np.where(sure, targets.argmax(axis=1), -1).astype(np.int16),
            np.array([row[4] for row in rows], dtype=np.float64),
            np.array(names, dtype=np.str_),
        )


def _valid(geometry: BaseGeometry) -> BaseGeometry:
    return geometry if geometry.is_valid else shapely.make_valid(geometry)
