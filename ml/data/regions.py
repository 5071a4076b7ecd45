"""Pixels with their region labels, from outlines on slides and from masks.

What nobody outlined is unknown, not background: a pathologist outlines only some regions. Background is what
is unmarked inside a finished region, and rejected suggestions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.affinity import affine_transform
from shapely.geometry.base import BaseGeometry

from ml.contracts import Bounds, DataError, Dataset, LabelledImage, LabelledShape, LabelledSlide, SlideReader
from ml.data.folders.images import read_outlined
from ml.data.objects import fill_geometry, level_scale
from ml.data.patches import part_of
from ml.messages import Message
from ml.slides import open_as
from ml.slides.resolution import opened_square

UNKNOWN = 255
Size = tuple[int, int]
SIDE = 512
# Images cut from one unit at most, evenly chosen, so that one huge outline does not fill the memory.
MOST = 64
MOST_LABELS = 250
MARGIN = 32


@dataclass(frozen=True, slots=True)
class RegionImage:
    """A labelled image: ``pixels`` uint8 (h, w, 3 or channels) with their classes.

    ``classes`` uint8 (h, w): 0 background, 1.. labels, 255 unknown.
    """

    pixels: NDArray[np.uint8]
    classes: NDArray[np.uint8]
    unit: str


def region_images(dataset: Dataset, parts: Sequence[str], mpp: float | None) -> list[RegionImage]:
    """Return all pixels of some parts with known labels; ``all`` means any part.

    MARGIN pixels around show the tissue there.

    Raises DataError: ``no_labels`` for none, ``bad_mask`` for a mask of another size than its image,
    ``no_resolution`` where ``mpp`` is asked of a slide without.
    """
    if len(dataset.labels) > MOST_LABELS:
        message = Message(
            "too_many_labels",
            count=len(dataset.labels),
            most=MOST_LABELS,
        )
        raise DataError(message)
    material = [
        _from_mask(image, dataset)
        for image in dataset.images
        if image.mask is not None and _is_in(dataset, image.case, parts)
    ]
    for labelled in dataset.slides:
        with opened_square(partial(open_as, channels=dataset.channels), labelled) as (reader, slide):
            material += _from_slide(slide, reader, dataset, parts, level_scale(reader, mpp))
    if not material:
        listed = " or ".join(parts)
        message = Message(
            "no_region_outlined",
            part=listed,
        )
        raise DataError(message, code="no_labels")
    return material


def _is_in(dataset: Dataset, unit: str, parts: Sequence[str]) -> bool:
    return "all" in parts or part_of(dataset, unit) in parts


def _from_mask(image: LabelledImage, dataset: Dataset) -> RegionImage:
    pixels, _, kinds = read_outlined(image, dataset.labels, dataset.channels)
    return RegionImage(pixels, np.where(kinds < 0, UNKNOWN, kinds).astype(np.uint8), image.case)


@dataclass(frozen=True, slots=True)
class UnitMarks:
    """Marks of one unit on a slide: finished regions, shapes with their classes, and the shapes of others."""

    unit: str
    finished: tuple[BaseGeometry, ...]
    drawn: tuple[tuple[BaseGeometry, int], ...]
    others: tuple[BaseGeometry, ...]

    @property
    def shapes(self) -> list[BaseGeometry]:
        """The finished regions and the shapes of this unit."""
        return [*self.finished, *(shape for shape, _ in self.drawn)]

    def paint(self, corner: tuple[float, float], scale: tuple[float, float], size: Size) -> NDArray[np.uint8]:
        """Return the classes (h, w) of pixels from a corner on, ``scale`` level-0 pixels (x, y) for each.

        ``size`` is (w, h). The shapes of other units are unknown, so that no part sees another's.
        """
        across, down = 1 / scale[0], 1 / scale[1]
        matrix = [across, 0, 0, down, -corner[0] * across, -corner[1] * down]
        canvas = np.full(size[::-1], UNKNOWN, dtype=np.int32)
        frame = shapely.box(*corner, corner[0] + size[0] * scale[0], corner[1] + size[1] * scale[1])
        layers = [*((shape, 0) for shape in self.finished), *((shape, UNKNOWN) for shape in self.others)]
        # Rejections first: a vouched label beats them.
        layers += sorted(self.drawn, key=lambda pair: 0 < pair[1] < UNKNOWN)
        for shape, value in layers:
            if shape.intersects(frame):
                fill_geometry(canvas, affine_transform(shape, matrix), value)
        return canvas.astype(np.uint8)


def marks_of(slide: LabelledSlide, dataset: Dataset, parts: Sequence[str]) -> Iterator[UnitMarks]:
    """Yield the marks on a slide of each unit of some parts; shapes without an area are left out."""
    labels = {label: number + 1 for number, label in enumerate(dataset.labels)}
    by_case = dataset.split_by == "case"
    shapes = [shape for shape in slide.shapes if shape.geometry.area > 0]
    units = [slide.case if by_case else shape.group or slide.case for shape in shapes]
    finished = [(region, _unit_of(region, shapes, units, slide.case)) for region in slide.finished]
    for unit in sorted({*units, *(name for _, name in finished)}):
        if not _is_in(dataset, unit, parts):
            continue
        both = list(zip(shapes, units, strict=True))
        yield UnitMarks(
            unit,
            tuple(region for region, name in finished if name == unit),
            tuple((shape.geometry, _class_of(shape, labels)) for shape, name in both if name == unit),
            tuple(shape.geometry for shape, name in both if name != unit),
        )


def _from_slide(
    slide: LabelledSlide,
    reader: SlideReader,
    dataset: Dataset,
    parts: Sequence[str],
    scale: float,
) -> Iterator[RegionImage]:
    for marks in marks_of(slide, dataset, parts):
        for box in _boxes(marks.shapes, SIDE * scale):
            image = _painted(reader, box, scale, marks)
            if (image.classes != UNKNOWN).any():
                yield image


def _class_of(shape: LabelledShape, labels: dict[str, int]) -> int:
    """Return the class of a shape's pixels; a negative label gives none where there are several classes."""
    if not shape.negative:
        return labels.get(str(shape.label), UNKNOWN)
    return 0 if shape.label is None or len(labels) == 1 else UNKNOWN


def _unit_of(region: BaseGeometry, shapes: Sequence[LabelledShape], units: Sequence[str], case: str) -> str:
    """Return the unit of the shape nearest to a region's middle, as a region has none itself."""
    if not shapes:
        return case
    middle = region.centroid
    apart = [shape.geometry.distance(middle) for shape in shapes]
    return units[int(np.argmin(apart))]


def _boxes(geometry: Sequence[BaseGeometry], side: float) -> list[Bounds]:
    """Return disjoint boxes of at most ``side`` that together hold all shapes; ``MOST`` at most."""
    area = shapely.union_all([shape if shape.is_valid else shapely.make_valid(shape) for shape in geometry])
    left, top, right, bottom = area.bounds
    columns, rows = (max(1, int(np.ceil(n / side))) for n in (right - left, bottom - top))
    x, y = np.meshgrid(left + np.arange(columns) * side, top + np.arange(rows) * side)
    cells = shapely.box(x, y, x + side, y + side).ravel()
    parts = shapely.intersection(area, cells[shapely.intersects(area, cells)])
    bounds = np.rint(shapely.bounds(parts[shapely.area(parts) > 0])).astype(int)
    if len(bounds) > MOST:
        bounds = bounds[np.linspace(0, len(bounds) - 1, MOST).round().astype(int)]
    return [Bounds(x0, y0, max(1, x1 - x0), max(1, y1 - y0)) for x0, y0, x1, y1 in bounds.tolist()]


def _painted(reader: SlideReader, box: Bounds, scale: float, marks: UnitMarks) -> RegionImage:
    # A margin shows the network what lies around; nothing is claimed of it, so that no pixel counts twice.
    size = (max(1, round(box.width / scale)), max(1, round(box.height / scale)))
    across, down = box.width / size[0], box.height / size[1]
    classes = np.pad(marks.paint((box.x, box.y), (across, down), size), MARGIN, constant_values=UNKNOWN)
    left, top = round(box.x - MARGIN * across), round(box.y - MARGIN * down)
    wide, tall = round(classes.shape[1] * across), round(classes.shape[0] * down)
    pixels = reader.read(Bounds(left, top, max(1, wide), max(1, tall)), classes.shape[::-1])
    return RegionImage(pixels, classes, marks.unit)
