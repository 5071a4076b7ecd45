"""Weakly labelled tiles: image files and patches of slides with labels of the whole tile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.contracts import DataError, Dataset, LabelledImage
from ml.data.folders.images import read_image, read_outlined
from ml.data.patches import has_background, in_parts, label_patches, part_of
from ml.data.squares import read_patches
from ml.messages import Message
from ml.slides import grid_of, open_slide, tissue_mask
from ml.slides.resolution import opened_square

LARGEST = 512


@dataclass(frozen=True, slots=True)
class WeakTiles:
    """Tiles: ``pixels`` uint8 (n, h, w, 3); ``holds`` float32 (n, k): 1 where a label occurs in the tile."""

    pixels: NDArray[np.uint8]
    holds: NDArray[np.float32]
    units: NDArray[np.str_]


def weak_tiles(
    dataset: Dataset, parts: Sequence[str], side: int, mpp: float | None, nothing: str | None
) -> WeakTiles:
    """Return the tiles of some parts; ``nothing`` is the label of tiles that contain no other label.

    Patches of slides are ``side`` wide at ``mpp``: those in an outlined region hold its label, those that
    are unmarked in a finished region hold none. An image without a label holds the labels in its
    mask. Raises DataError: ``no_labels``, ``mixed_sizes``, ``bad_image``, ``no_resolution``.
    """
    tiles = [*_images(dataset, parts), *_patches(dataset, parts, side, mpp)]
    if not tiles:
        listed = " or ".join(parts)
        message = Message(
            "no_tile_labelled",
            part=listed,
        )
        raise DataError(message, code="no_labels")
    shapes = sorted({pixels.shape[:2] for pixels, _, _ in tiles})
    if len(shapes) > 1 or max(shapes[0]) > LARGEST:
        sizes = ", ".join(f"{width} x {height}" for height, width in shapes[:4])
        message = Message(
            "tiles_differ",
            largest=LARGEST,
            sizes=str(sizes),
        )
        raise DataError(message, code="mixed_sizes")
    holds = np.zeros((len(tiles), len(dataset.labels)), dtype=np.float32)
    for row, (_, labels, _) in zip(holds, tiles, strict=True):
        row[[dataset.labels.index(label) for label in labels if label != nothing]] = 1.0
    return WeakTiles(
        np.stack([pixels for pixels, _, _ in tiles]), holds, np.array([unit for *_, unit in tiles], np.str_)
    )


Tile = tuple[NDArray[np.uint8], tuple[str, ...], str]


def _images(dataset: Dataset, parts: Sequence[str]) -> Iterator[Tile]:
    for image in dataset.images:
        if "all" in parts or part_of(dataset, image.case) in parts:
            yield *_labelled(image, dataset), image.case


def _labelled(image: LabelledImage, dataset: Dataset) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    if image.label is not None or image.mask is None:
        return read_image(image.path), (image.label,) if image.label is not None else ()
    pixels, _, kinds = read_outlined(image, dataset.labels)
    return pixels, tuple(dataset.labels[number - 1] for number in np.unique(kinds[kinds > 0]))


def _patches(dataset: Dataset, parts: Sequence[str], side: int, mpp: float | None) -> Iterator[Tile]:
    background = has_background(dataset)
    for labelled in dataset.slides:
        with opened_square(open_slide, labelled) as (reader, slide):
            grid = grid_of(reader, patch=side, stride=side, mpp=mpp)
            tissue = tissue_mask(reader) if slide.finished else None
            samples = label_patches(slide, grid, tissue, dataset, background=background)
            samples = samples.take(in_parts(dataset, samples.units, parts) & (samples.truth >= 0))
            for part, patches in read_patches(reader, samples.squares, side):
                known = zip(patches, samples.truth[part], samples.units[part], strict=True)
                for pixels, number, unit in known:
                    yield pixels, dataset.labels[number : number + 1], str(unit)
