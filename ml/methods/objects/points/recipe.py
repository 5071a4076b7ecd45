"""Points on cells or small lesions, by the peaks of a heat map."""

from __future__ import annotations

from typing import cast

import numpy as np
import shapely
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.data.objects import OutlinedImage
from ml.inference.peaks import peaks_of
from ml.methods.bases.detection_recipe import DetectionRecipe, Detections, Floats
from ml.methods.bases.window_recipe import Batch
from ml.methods.objects.points.info import INFO
from ml.methods.objects.settings import PointsConfig
from ml.networks.unet import RegionNetwork
from ml.training.crops import Layers, Material
from ml.training.detection import centres_of, heat_of, paint_centres, point_loss


class Points(DetectionRecipe[PointsConfig]):
    """Heat around the centres of each label, whose maxima are the detections."""

    info = INFO

    def _new_network(self) -> nn.Module:
        return RegionNetwork("basic", len(self.labels), self.config.width, self.state.depth)

    def see(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return heat 0..1 of each label (k, h, w) of RGB pixels (h, w, 3)."""
        heat: NDArray[np.float32] = torch.sigmoid(self.look(pixels)).numpy()
        return heat

    def _painted(self, image: OutlinedImage, side: int) -> Material:
        return paint_centres(image, side)

    def _finish(self, layers: Layers) -> Layers:
        classes, marks, weight = layers
        return [heat_of(classes, marks, len(self.labels)), weight]

    def _loss(self, scores: Tensor, targets: Batch) -> Tensor:
        heat, weight = targets
        return point_loss(scores, heat, weight)

    def _detections(self, scores: NDArray[np.float32]) -> Detections:
        peaks = [peaks_of(heat, max(1, self.config.reach // 2)) for heat in scores]
        middle = np.concatenate([places for places, _ in peaks])
        label = np.repeat(np.arange(len(peaks), dtype=np.int16), [len(places) for places, _ in peaks])
        return Detections(middle, middle, label, np.concatenate([score for _, score in peaks]))

    def _truth(self, image: OutlinedImage) -> Floats:
        return centres_of(image.instances)

    def _nearness(self, places: Floats, truth: Floats) -> Floats:
        apart = np.linalg.norm(places[:, None] - truth[None], axis=2)
        nearness: Floats = self.config.reach - apart
        return nearness

    def _geometry(self, places: Floats) -> NDArray[np.object_]:
        return cast("NDArray[np.object_]", shapely.points(places[:, ::-1] + 0.5))
