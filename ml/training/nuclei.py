"""Targets and loss of the network that outlines nuclei by class and depth."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ml.data.objects import OutlinedImage
from ml.inference.splitting import depth_of
from ml.training.crops import Material, padded

EDGE_WEIGHT = 1.0
DEPTH_WEIGHT = 2.0
SMOOTH = 1.0


def paint_targets(image: OutlinedImage, side: int) -> Material:
    """Return classes uint8 (0 background), depth 0..1 and weight, 0 on unannotated pixels.

    All are padded by reflection to at least ``side``.
    """
    instances = image.instances
    classes = np.where(instances > 0, image.classes[instances] + 1, 0).astype(np.uint8)
    depth = depth_of(instances)
    # Edges decide whether neighbours melt into one, so they count more than the rest.
    edge = (instances > 0) & (depth < 0.5)  # noqa: PLR2004 - the outer half
    weight = np.where(edge, EDGE_WEIGHT, 1.0).astype(np.float32) * image.valid
    return padded(image.pixels, [(classes, None), (depth, None), (weight, 0.0)], side)


def class_loss(scores: Tensor, classes: Tensor, weight: Tensor) -> Tensor:
    """Return cross-entropy plus Dice of class scores (n, k, h, w) against ``classes``, where weight > 0.

    Dice: Milletari et al., 3DV (2016); class 0 is background and has none.
    """
    total = weight.sum().clamp(min=1.0)
    entropy = (functional.cross_entropy(scores, classes, reduction="none") * weight).sum() / total
    annotated = (weight > 0).float()
    share = scores.softmax(dim=1) * annotated[:, None]
    target = functional.one_hot(classes, scores.shape[1]).movedim(-1, 1) * annotated[:, None]
    common = (share * target).sum(dim=(0, 2, 3))[1:]
    both = (share + target).sum(dim=(0, 2, 3))[1:]
    loss: Tensor = entropy + 1 - ((2 * common + SMOOTH) / (both + SMOOTH)).mean()
    return loss


def nuclei_loss(scores: Tensor, classes: Tensor, depth: Tensor, weight: Tensor) -> Tensor:
    """Return the loss of classes plus cross-entropy of depth, where weight > 0.

    ``scores`` (n, k + 1, h, w): k class scores, then depth.
    """
    total = weight.sum().clamp(min=1.0)
    deep = scores[:, -1]
    error = functional.binary_cross_entropy_with_logits(deep, depth, weight=weight, reduction="sum")
    return class_loss(scores[:, :-1], classes, weight) + DEPTH_WEIGHT * error / total


def hover_loss(scores: Tensor, classes: Tensor, offsets: Tensor, weight: Tensor) -> Tensor:
    """Return the loss of classes plus that of the two offset maps, with HoVer-Net's weights.

    ``scores`` (n, k + 2, h, w): k class scores, then horizontal and vertical offset; ``offsets``
    (n, 2, h, w). Loss of offsets: twice the mean square, plus the mean square of their gradients inside
    nuclei, by 5 x 5 Sobel kernels. Graham et al., Medical Image Analysis 58:101563 (2019).
    """
    annotated = (weight > 0).float()[:, None]
    error = (scores[:, -2:] - offsets) * annotated
    square = (error**2).sum() / annotated.sum().clamp(min=1.0) / 2
    inside = (classes > 0).float()[:, None] * annotated
    slope = _slopes(scores[:, -2:]) - _slopes(offsets)
    steep = (slope**2 * inside).sum() / inside.sum().clamp(min=1.0)
    return class_loss(scores[:, :-2], classes, weight) + 2 * square + steep


def _slopes(offsets: Tensor) -> Tensor:
    """Return the horizontal gradient of the first map and the vertical one of the second."""
    reach = torch.arange(-2, 3, dtype=offsets.dtype, device=offsets.device)
    down, across = torch.meshgrid(reach, reach, indexing="ij")
    square = down**2 + across**2
    square[2, 2] = 1.0
    kernels = torch.stack([across / square, down / square])
    # Scaled so that a ramp of one per pixel has the slope one.
    kernels = kernels / (kernels * torch.stack([across, down])).sum(dim=(1, 2), keepdim=True)
    return functional.conv2d(offsets, kernels[:, None], padding=2, groups=2)
