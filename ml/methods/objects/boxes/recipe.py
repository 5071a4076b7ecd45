"""Anchor-free detection of boxes: a map of centres, and at each the distances to the sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import shapely
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.data.objects import OutlinedImage
from ml.inference.detection_finder import Detections, Floats
from ml.inference.peaks import keep_apart, overlaps, peaks_of
from ml.inference.window_network import WindowNetwork
from ml.methods.bases.object_parts import detection_parts
from ml.methods.bases.object_recipe import ObjectParts, ObjectRecipe
from ml.methods.objects.boxes.info import INFO, BoxesConfig
from ml.networks.model_network import ModelNetwork
from ml.networks.unet import RegionNetwork
from ml.storage.model_state import ModelState
from ml.training.crop_trainer import Batch
from ml.training.crops import Layers, Material
from ml.training.detection import box_loss, boxes_of, heat_of, paint_objects, reaches_from, reaches_of

GOOD = 0.5


class Boxes(ObjectRecipe[BoxesConfig]):
    """Centres by heat, sides by distances under GIoU, with non-maximum suppression."""

    info = INFO

    def compose(self) -> ObjectParts:
        """Return a U-Net of centres and distances to the four sides."""
        network = WindowNetwork(ModelNetwork(self._network))
        targets, detector = BoxTargets(self.state), BoxDetector(self.config)
        return detection_parts(self.state, self.config, network, targets, detector)

    def _network(self) -> nn.Module:
        return RegionNetwork("basic", len(self.labels) + 4, self.config.width, self.state.depth)


@dataclass(frozen=True)
class BoxTargets:
    """Heat of centres, and distances to the sides of the box around each."""

    state: ModelState

    def paint(self, image: OutlinedImage, side: int) -> Material:
        """Return an image with classes, instances and weights."""
        return paint_objects(image, side)

    def finish(self, layers: Layers) -> Layers:
        """Return heat, distances and weights of a crop."""
        classes, instances, weight = layers
        return [heat_of(classes, instances, len(self.state.labels)), *reaches_of(instances), weight]

    def loss(self, scores: Tensor, targets: Batch) -> Tensor:
        """Return the loss of centres and boxes."""
        heat, reaches, central, weight = targets
        return box_loss(scores, heat, reaches, central, weight)


@dataclass(frozen=True)
class BoxDetector:
    """Boxes (n, 4) of left, top, right, bottom around the peaks of the heat."""

    config: BoxesConfig

    def heat(self, scores: Tensor) -> NDArray[np.float32]:
        """Return heat 0..1 of each label and distances in pixels to four sides (k + 4, h, w)."""
        heat, sides = torch.sigmoid(scores[:-4]), reaches_from(scores[-4:])
        maps: NDArray[np.float32] = torch.cat([heat, sides]).numpy()
        return maps

    def detections(self, heat: NDArray[np.float32]) -> Detections:
        """Return a box for each peak, the surer of two that overlap."""
        kept_boxes = []
        for number, layer in enumerate(heat[:-4]):
            places, score = peaks_of(layer, max(1, self.config.reach // 2))
            row, column = np.rint(places).astype(int).T
            left, top, right, bottom = heat[-4:, row, column].astype(np.float64)
            x, y = column + 0.5, row + 0.5
            boxes = np.stack([x - left, y - top, x + right, y + bottom], axis=1)
            kept = keep_apart(boxes, score, self.config.overlap)
            kept_boxes.append((boxes[kept], np.full(len(kept), number, dtype=np.int16), score[kept]))
        boxes, label, score = (np.concatenate(column) for column in zip(*kept_boxes, strict=True))
        height, width = heat.shape[1:]
        middle = np.stack([(boxes[:, 1] + boxes[:, 3]) / 2, (boxes[:, 0] + boxes[:, 2]) / 2], axis=1) - 0.5
        return Detections(boxes, np.clip(middle, 0, [height - 1, width - 1]), label, score)

    def truth(self, image: OutlinedImage) -> Floats:
        """Return the boxes around an image's objects."""
        return boxes_of(image.instances)

    def nearness(self, places: Floats, truth: Floats) -> Floats:
        """Return the overlap of boxes, less one half."""
        return overlaps(places, truth) - GOOD

    def geometry(self, places: Floats) -> NDArray[np.object_]:
        """Return the boxes as shapes."""
        return cast("NDArray[np.object_]", shapely.box(*places.T))
