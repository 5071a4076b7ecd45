"""Anchor-free detection of boxes: a map of centres, and at each the distances to the sides."""

from __future__ import annotations

from typing import cast

import numpy as np
import shapely
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.data.objects import OutlinedImage
from ml.inference.peaks import keep_apart, overlaps, peaks_of
from ml.methods.bases.detection_recipe import DetectionRecipe, Detections, Floats
from ml.methods.bases.window_recipe import Batch
from ml.methods.objects.boxes.info import INFO, BoxesConfig
from ml.networks.unet import RegionNetwork
from ml.training.crops import Layers, Material
from ml.training.detection import box_loss, boxes_of, heat_of, paint_objects, reaches_from, reaches_of

GOOD = 0.5


class Boxes(DetectionRecipe[BoxesConfig]):
    """Centres by heat, sides by distances under GIoU, with non-maximum suppression."""

    info = INFO

    def _new_network(self) -> nn.Module:
        return RegionNetwork("basic", len(self.labels) + 4, self.config.width, self.state.depth)

    def see(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return heat 0..1 of each label and distances in pixels to four sides (k + 4, h, w)."""
        scores = self.look(pixels)
        heat, sides = torch.sigmoid(scores[:-4]), reaches_from(scores[-4:])
        maps: NDArray[np.float32] = torch.cat([heat, sides]).numpy()
        return maps

    def _painted(self, image: OutlinedImage, side: int) -> Material:
        return paint_objects(image, side)

    def _finish(self, layers: Layers) -> Layers:
        classes, instances, weight = layers
        return [heat_of(classes, instances, len(self.labels)), *reaches_of(instances), weight]

    def _loss(self, scores: Tensor, targets: Batch) -> Tensor:
        heat, reaches, central, weight = targets
        return box_loss(scores, heat, reaches, central, weight)

    def _detections(self, scores: NDArray[np.float32]) -> Detections:
        kept_boxes = []
        for number, heat in enumerate(scores[:-4]):
            places, score = peaks_of(heat, max(1, self.config.reach // 2))
            row, column = np.rint(places).astype(int).T
            left, top, right, bottom = scores[-4:, row, column].astype(np.float64)
            x, y = column + 0.5, row + 0.5
            boxes = np.stack([x - left, y - top, x + right, y + bottom], axis=1)
            kept = keep_apart(boxes, score, self.config.overlap)
            kept_boxes.append((boxes[kept], np.full(len(kept), number, dtype=np.int16), score[kept]))
        boxes, label, score = (np.concatenate(column) for column in zip(*kept_boxes, strict=True))
        height, width = scores.shape[1:]
        middle = np.stack([(boxes[:, 1] + boxes[:, 3]) / 2, (boxes[:, 0] + boxes[:, 2]) / 2], axis=1) - 0.5
        return Detections(boxes, np.clip(middle, 0, [height - 1, width - 1]), label, score)

    def _truth(self, image: OutlinedImage) -> Floats:
        return boxes_of(image.instances)

    def _nearness(self, places: Floats, truth: Floats) -> Floats:
        return overlaps(places, truth) - GOOD

    def _geometry(self, places: Floats) -> NDArray[np.object_]:
        return cast("NDArray[np.object_]", shapely.box(*places.T))
