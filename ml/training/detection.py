"""Targets and losses of networks that detect objects by their centres."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from ml.data.objects import OutlinedImage
from ml.training.crops import Material, padded

SPREAD = 3.0
DISC = 2
# Pixels at which the heat of an object is at least this learn its box.
CENTRAL = 0.4
POSITIVE = 10.0
BOX_UNIT = 8.0
BOX_WEIGHT = 1.0
LITTLE = 1e-6


def paint_centres(image: OutlinedImage, side: int) -> Material:
    """Return little discs at the centres, their classes, and a mask of annotated pixels."""
    marks = np.zeros(image.instances.shape, dtype=np.int32)
    centres = centres_of(image.instances)
    for number in np.flatnonzero(~np.isnan(centres[:, 0])) + 1:
        y, x = centres[number - 1]
        row, column = round(float(y)), round(float(x))
        marks[max(0, row - DISC) : row + DISC + 1, max(0, column - DISC) : column + DISC + 1] = number
    classes = np.where(marks > 0, image.classes[marks] + 1, 0).astype(np.uint8)
    return padded(image.pixels, [(classes, 0.0), (marks, 0.0), (image.valid.astype(np.float32), 0.0)], side)


def paint_objects(image: OutlinedImage, side: int) -> Material:
    """Return the objects, their classes, and a mask of annotated pixels."""
    classes = np.where(image.instances > 0, image.classes[image.instances] + 1, 0).astype(np.uint8)
    weight = image.valid.astype(np.float32)
    return padded(image.pixels, [(classes, 0.0), (image.instances, 0.0), (weight, 0.0)], side)


def centres_of(instances: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the centroid (n, 2) = (row, column) of each instance 1..n; NaN where a number is missing."""
    count = int(instances.max())
    area = np.bincount(instances.ravel(), minlength=count + 1)[1:].astype(np.float64)
    rows, columns = np.nonzero(instances)
    which = instances[rows, columns]
    sums = np.stack(
        [np.bincount(which, values, minlength=count + 1)[1:] for values in (rows, columns)], axis=1
    )
    centres: NDArray[np.float64] = np.where(area[:, None] > 0, sums / np.maximum(area, 1)[:, None], np.nan)
    return centres


def boxes_of(instances: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return (n, 4) = left, top, right, bottom of each instance 1..n in pixels; NaN where one is missing."""
    boxes = [
        (place[1].start, place[0].start, place[1].stop, place[0].stop) if place else (np.nan,) * 4
        for place in ndimage.find_objects(instances)
    ]
    return np.array(boxes, dtype=np.float64).reshape(-1, 4)


def heat_of(
    classes: NDArray[np.uint8], marks: NDArray[np.int32], labels: int, spread: float = SPREAD
) -> NDArray[np.float32]:
    """Return heat (k, h, w): the maximum of the Gaussians around the centres of each label."""
    heat = np.zeros((labels, *marks.shape), dtype=np.float32)
    reach = int(np.ceil(3 * spread))
    axis = np.arange(-reach, reach + 1)
    for number, place in enumerate(ndimage.find_objects(marks), start=1):
        if place is None:
            continue
        rows, columns = np.nonzero(marks[place] == number)
        y, x = place[0].start + rows.mean(), place[1].start + columns.mean()
        label = int(classes[place][rows[0], columns[0]]) - 1
        row, column = round(float(y)), round(float(x))
        bell = np.exp(-((axis[:, None] + row - y) ** 2 + (axis + column - x) ** 2) / (2 * spread**2))
        top, left = max(0, row - reach), max(0, column - reach)
        area = heat[label, top : row + reach + 1, left : column + reach + 1]
        cut = bell[top - row + reach :, left - column + reach :][: area.shape[0], : area.shape[1]]
        np.maximum(area, cut, out=area)
    return heat


def reaches_of(
    marks: NDArray[np.int32], spread: float = SPREAD
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return (4, h, w) distances to the sides of a pixel's box, and their weight (h, w) in the loss.

    Left, top, right, bottom, from the middle of each pixel, around the middle of each object's box.
    """
    reaches = np.zeros((4, *marks.shape), dtype=np.float32)
    central = np.zeros(marks.shape, dtype=np.float32)
    y, x = np.arange(marks.shape[0])[:, None], np.arange(marks.shape[1])
    boxes = boxes_of(marks)
    for row in boxes[~np.isnan(boxes[:, 0])]:
        left, top, right, bottom = (float(side) for side in row)
        down, across = (top + bottom) / 2 - 0.5, (left + right) / 2 - 0.5
        heat = np.exp(-((y - down) ** 2 + (x - across) ** 2) / (2 * spread**2))
        mine = (heat > CENTRAL) & (heat > central)
        rows, columns = np.nonzero(mine)
        sides = (columns + 0.5 - left, rows + 0.5 - top, right - columns - 0.5, bottom - rows - 0.5)
        reaches[:, rows, columns] = np.stack(sides)
        central[mine] = heat[mine]
    return reaches, central


def point_loss(scores: Tensor, heat: Tensor, weight: Tensor) -> Tensor:
    """Return the focal mean squared error of heat per centre: confident errors and centres weigh more.

    ``scores`` and ``heat`` (n, k, h, w); ``weight`` (n, h, w) is 0 where nobody looked.
    """
    error = torch.sigmoid(scores) - heat
    value = error**2 * (error.detach().abs() + POSITIVE * heat) * weight[:, None]
    loss: Tensor = value.sum() / (heat * weight[:, None]).sum().clamp(min=1.0)
    return loss


def box_loss(scores: Tensor, heat: Tensor, reaches: Tensor, central: Tensor, weight: Tensor) -> Tensor:
    """Return the loss of centres plus that of boxes: 1 - GIoU, weighted by centrality.

    ``scores`` (n, k + 4, h, w). Zhou et al., Objects as points (2019); Rezatofighi et al., CVPR (2019).
    """
    much = central * weight
    overlap = generalised_overlap(reaches_from(scores[:, -4:]), reaches)
    boxes = ((1 - overlap) * much).sum() / much.sum().clamp(min=1.0)
    return point_loss(scores[:, :-4], heat, weight) + BOX_WEIGHT * boxes


def reaches_from(scores: Tensor) -> Tensor:
    """Return positive distances to the four sides, in pixels."""
    return functional.softplus(scores) * BOX_UNIT


def generalised_overlap(first: Tensor, second: Tensor) -> Tensor:
    """Return GIoU (n, h, w) of boxes given as distances (n, 4, h, w) from the same points."""
    inner, outer = torch.minimum(first, second), torch.maximum(first, second)
    common = (inner[:, 0] + inner[:, 2]).clamp(min=0) * (inner[:, 1] + inner[:, 3]).clamp(min=0)
    around = (outer[:, 0] + outer[:, 2]) * (outer[:, 1] + outer[:, 3])
    areas = [(box[:, 0] + box[:, 2]) * (box[:, 1] + box[:, 3]) for box in (first, second)]
    union = areas[0] + areas[1] - common
    overlap: Tensor = common / union.clamp(min=LITTLE) - (around - union) / around.clamp(min=LITTLE)
    return overlap
