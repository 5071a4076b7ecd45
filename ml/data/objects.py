"""Pixels with their objects: from images with masks, and from finished regions of slides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.affinity import affine_transform
from shapely.geometry.base import BaseGeometry
from skimage.draw import polygon as fill_polygon

from ml.contracts import Bounds, DataError, Dataset, LabelledImage, LabelledShape, LabelledSlide, SlideReader
from ml.data.folders.images import read_outlined
from ml.data.patches import part_of
from ml.messages import Message
from ml.slides import open_as, scale_of
from ml.slides.resolution import opened_square

LARGEST = 1024


@dataclass(frozen=True, slots=True)
class OutlinedImage:
    """``pixels`` (h, w, 3 or channels); ``instances`` int32 (h, w), 0 background; ``classes`` int16 (n + 1,).

    ``classes[i]`` is the label of instance i. ``valid`` (h, w) is false where nobody looked.
    """

    pixels: NDArray[np.uint8]
    instances: NDArray[np.int32]
    classes: NDArray[np.int16]
    valid: NDArray[np.bool_]
    unit: str


def outlined_images(
    dataset: Dataset, parts: Sequence[str], mpp: float | None, point: float = 0.0
) -> list[OutlinedImage]:
    """Return all outlined material of some parts; raises DataError(``no_labels``) for none.

    With ``point`` above zero, shapes without an area count as discs of that radius, in pixels as read.

    A slide counts where regions were declared finished, cut into images of at most 1024 pixels at
    ``mpp``. Raises DataError(``no_finished_region``) for marked slides without any.
    """
    outlined = [
        _from_mask(image, dataset)
        for image in dataset.images
        if image.mask is not None and _is_in(dataset, image.case, parts)
    ]
    for labelled in dataset.slides:
        with opened_square(partial(open_as, channels=dataset.channels), labelled) as (reader, slide):
            outlined += [
                item
                for item in _from_slide(slide, reader, dataset, mpp, point)
                if _is_in(dataset, item.unit, parts)
            ]
    if outlined:
        return outlined
    if any(slide.shapes for slide in dataset.slides) and not any(slide.finished for slide in dataset.slides):
        message = Message(
            "no_region_finished",
        )
        raise DataError(message, code="no_finished_region")
    listed = " or ".join(parts)
    message = Message(
        "nothing_outlined",
        part=listed,
    )
    raise DataError(message, code="no_labels")


def _is_in(dataset: Dataset, unit: str, parts: Sequence[str]) -> bool:
    return "all" in parts or part_of(dataset, unit) in parts


def _from_mask(image: LabelledImage, dataset: Dataset) -> OutlinedImage:
    pixels, numbers, kinds = read_outlined(image, dataset.labels, dataset.channels)
    _, instances = np.unique(np.append(0, numbers), return_inverse=True)
    instances = instances[1:].reshape(numbers.shape)
    # Each object is of the kind of most of its pixels; of what has no label here nothing is known.
    votes = np.zeros((int(instances.max(initial=0)) + 1, len(dataset.labels) + 2), dtype=np.int64)
    np.add.at(votes, (instances, kinds + 1), 1)
    kind = votes[:, 2:].argmax(axis=1).astype(np.int16)
    known = votes[:, 2:].max(axis=1) > 0
    known[0], kind[0] = True, 0
    renumbered = np.where(known, np.cumsum(known) - 1, 0)[instances].astype(np.int32)
    return OutlinedImage(pixels, renumbered, kind[known], known[instances] & (kinds >= 0), image.case)


def _from_slide(
    slide: LabelledSlide, reader: SlideReader, dataset: Dataset, mpp: float | None, point: float
) -> Iterator[OutlinedImage]:
    labels = {label: number for number, label in enumerate(dataset.labels)}
    scale = level_scale(reader, mpp)
    shapes = [
        replace(shape, geometry=shape.geometry.buffer(point * scale)) if not shape.geometry.area else shape
        for shape in slide.shapes
        if not shape.negative and shape.label in labels and (shape.geometry.area > 0 or point)
    ]
    for region in slide.finished:
        unit = _unit_of(region, shapes, slide, dataset)
        for box in _cut(region, LARGEST * scale):
            yield _rasterise(reader, box, region, shapes=shapes, labels=labels, scale=scale, unit=unit)


def level_scale(reader: SlideReader, mpp: float | None) -> float:
    """Return level-0 pixels per pixel at ``mpp``; raises DataError(``no_resolution``)."""
    return scale_of(reader.mpp, mpp, reader.path.name)


def _unit_of(
    region: BaseGeometry, shapes: Sequence[LabelledShape], slide: LabelledSlide, dataset: Dataset
) -> str:
    """Return the unit of the shape nearest to the middle of a region, which has none itself."""
    if dataset.split_by == "case" or not shapes:
        return slide.case
    middle = region.centroid
    nearest = min(shapes, key=lambda shape: shape.geometry.distance(middle))
    return nearest.group or slide.case


def _cut(region: BaseGeometry, side: float) -> Iterator[Bounds]:
    left, top, right, bottom = region.bounds
    columns, rows = (max(1, int(np.ceil(n / side))) for n in (right - left, bottom - top))
    width, height = (right - left) / columns, (bottom - top) / rows
    for row in range(rows):
        for column in range(columns):
            yield Bounds(
                round(left + column * width),
                round(top + row * height),
                max(1, round(width)),
                max(1, round(height)),
            )


def _rasterise(
    reader: SlideReader,
    box: Bounds,
    region: BaseGeometry,
    *,
    shapes: Sequence[LabelledShape],
    labels: dict[str, int],
    scale: float,
    unit: str,
) -> OutlinedImage:
    size = (max(16, round(box.width / scale)), max(16, round(box.height / scale)))
    across, down = size[0] / box.width, size[1] / box.height
    matrix = [across, 0, 0, down, -box.x * across, -box.y * down]
    instances = np.zeros(size[::-1], dtype=np.int32)
    classes = [0]
    frame = shapely.box(box.x, box.y, box.x + box.width, box.y + box.height)
    for shape in shapes:
        if shape.label is not None and shape.geometry.intersects(frame):
            classes.append(labels[shape.label])
            fill_geometry(instances, affine_transform(shape.geometry, matrix), len(classes) - 1)
    valid = np.zeros(size[::-1], dtype=np.int32)
    fill_geometry(valid, affine_transform(region, matrix), 1)
    return OutlinedImage(
        reader.read(box, size), instances, np.array(classes, dtype=np.int16), valid > 0, unit
    )


def fill_geometry(canvas: NDArray[np.int32], geometry: BaseGeometry, value: int) -> None:
    """Fill a polygon whose coordinates are pixel corners; holes keep their values."""
    for piece in getattr(geometry, "geoms", [geometry]):
        if piece.geom_type != "Polygon":
            continue
        drawn = np.zeros(canvas.shape, dtype=bool)
        for number, ring in enumerate([piece.exterior, *piece.interiors]):
            x, y = np.asarray(ring.coords)[:, :2].T - 0.5
            inside = fill_polygon(y, x, canvas.shape)
            drawn[inside] = number == 0
        canvas[drawn] = value
