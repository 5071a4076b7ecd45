"""Objects of a COCO file (JSON) as GeoJSON features: polygons, masks in run lengths, boxes.

References
----------
Lin et al. 2014, Microsoft COCO. The packed run lengths are those of its ``maskApi.c``.

"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import mapping

from ml.contracts import DataError
from ml.formats.outlines import REASON, ROW
from ml.messages import Message

_ANNOTATIONS, _IMAGES, _CATEGORIES = "annotations", "images", "categories"
# Vertical runs of one mask that are put together; nuclei have some dozen.
MOST_RUNS: Final = 50_000
_LEAST_CORNERS: Final = 3
_NO_OUTLINE: Final = Message("row_coco_no_outline")
_MASK_TOO_LARGE: Final = Message("row_mask_too_large")


def is_coco(item: Mapping[str, Any]) -> bool:
    """Return whether a JSON object is a COCO file."""
    return isinstance(item.get(_ANNOTATIONS), list) and any(
        isinstance(item.get(name), list) for name in (_IMAGES, _CATEGORIES)
    )


def read_coco(item: Mapping[str, Any], slide: str | None) -> Iterator[dict[str, Any]]:
    """Yield the features of a slide's objects.

    Of a file with several images those of the image that is named as the slide. An object that cannot be
    read has ``geometry`` None, and under ``REASON`` a Message. Raises DataError(``coco_image``).
    """
    image = _image_of(item, slide)
    names = {
        one.get("id"): one.get("name") for one in item.get(_CATEGORIES) or () if isinstance(one, Mapping)
    }
    for row, annotation in enumerate(item[_ANNOTATIONS]):
        if not isinstance(annotation, Mapping):
            yield {"type": "Feature", "geometry": None, ROW: row}
        elif image is None or annotation.get("image_id") == image:
            yield _feature(row, annotation, names)


def _image_of(item: Mapping[str, Any], slide: str | None) -> Any:
    """Return the id of the slide's image; None where the file has one image or names none."""
    images = [one for one in item.get(_IMAGES) or () if isinstance(one, Mapping)]
    if len(images) <= 1:
        return None
    mine = [
        one
        for one in images
        if slide and _stem(str(one.get("file_name", ""))) in {_stem(slide), slide.lower()}
    ]
    if len(mine) == 1:
        return mine[0].get("id")
    message = Message(
        "coco_without_slide",
        count=len(images),
        slide=slide or "",
    )
    raise DataError(message, code="coco_image")


def _stem(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).stem.lower()


def _feature(row: int, annotation: Mapping[str, Any], names: Mapping[Any, Any]) -> dict[str, Any]:
    properties = {key: annotation[key] for key in ("score",) if key in annotation}
    category = annotation.get("category_id")
    name = names.get(category) if isinstance(category, int | str) else None
    if name is not None or category is not None:
        properties["classification"] = {"name": str(category if name is None else name)}
    feature = {"type": "Feature", "properties": properties, ROW: row}
    try:
        geometry = _geometry(annotation)
    except OverflowError:
        return {**feature, "geometry": None, REASON: _MASK_TOO_LARGE}
    except (KeyError, TypeError, ValueError, IndexError):
        return {**feature, "geometry": {}}
    return (
        {**feature, "geometry": geometry} if geometry else {**feature, "geometry": None, REASON: _NO_OUTLINE}
    )


def _geometry(annotation: Mapping[str, Any]) -> dict[str, Any] | None:
    segmentation, box = annotation.get("segmentation"), annotation.get("bbox")
    if isinstance(segmentation, Mapping):
        return _mask(segmentation)
    if segmentation:
        rings = [_ring(part) for part in _parts(segmentation)]
        if len(rings) == 1:
            return {"type": "Polygon", "coordinates": rings}
        return {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]}
    if box:
        left, top, width, height = (float(value) for value in box)
        return {"type": "Polygon", "coordinates": [_ring_of_box(left, top, width, height)]}
    return None


def _parts(segmentation: Sequence[Any]) -> Sequence[Any]:
    """Return the polygons of a segmentation; some programs write one without the list around it."""
    return segmentation if isinstance(segmentation[0], list) else [segmentation]


def _ring(flat: Sequence[Any]) -> list[list[float]]:
    points = [list(map(float, flat[start : start + 2])) for start in range(0, len(flat), 2)]
    if len(points) < _LEAST_CORNERS or len(points[-1]) != 2:  # noqa: PLR2004 - x and y
        message = "not a ring"
        raise ValueError(message)
    return points if points[0] == points[-1] else [*points, points[0]]


def _ring_of_box(left: float, top: float, width: float, height: float) -> list[list[float]]:
    right, bottom = left + width, top + height
    return [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]


def _mask(segmentation: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the area of a mask; raises OverflowError for one of too many runs."""
    height, width = (int(value) for value in segmentation["size"])
    counts = segmentation["counts"]
    lengths = _unpacked(counts) if isinstance(counts, str) else np.asarray(counts, np.int64)
    ends = np.cumsum(lengths)
    if height < 1 or (lengths < 0).any() or (len(ends) and ends[-1] > height * width):
        message = "not a mask"
        raise ValueError(message)
    # Columns one after the other, first a run of the background.
    firsts, lasts = ends[0 : len(ends) - 1 : 2], ends[1::2]
    kept = lasts > firsts
    boxes = _boxes(firsts[kept], lasts[kept], height)
    if boxes is None:
        return None
    area = shapely.union_all(boxes)
    plain: dict[str, Any] = json.loads(json.dumps(mapping(area)))
    return plain


def _boxes(firsts: NDArray[np.int64], lasts: NDArray[np.int64], height: int) -> NDArray[np.object_] | None:
    """Return a box for each run in each column."""
    begin, end = firsts // height, (lasts - 1) // height
    per_run = end - begin + 1
    if per_run.sum() > MOST_RUNS:
        raise OverflowError
    if not len(per_run):
        return None
    run = np.repeat(np.arange(len(per_run)), per_run)
    column = begin[run] + np.arange(len(run)) - np.repeat(np.cumsum(per_run) - per_run, per_run)
    top = np.maximum(firsts[run] - column * height, 0)
    bottom = np.minimum(lasts[run] - column * height, height)
    boxes: NDArray[np.object_] = shapely.box(column, top, column + 1, bottom)
    return boxes


def _unpacked(text: str) -> NDArray[np.int64]:
    """Return the run lengths of a packed mask: 5 bits a character, differences from the third on."""
    counts: list[int] = []
    value = shift = 0
    for character in text.encode("ascii"):
        bits = character - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        counts.append(value + counts[-2] if len(counts) > 2 else value)  # noqa: PLR2004 - see above
        value = shift = 0
    return np.asarray(counts, np.int64)
