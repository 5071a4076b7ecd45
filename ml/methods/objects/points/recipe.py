"""Points on cells or small lesions, by the peaks of a heat map."""

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
from ml.inference.peaks import peaks_of
from ml.inference.window_network import WindowNetwork
from ml.methods.bases.object_parts import detection_parts
from ml.methods.bases.object_recipe import ObjectParts, ObjectRecipe
from ml.methods.objects.points.info import INFO
from ml.methods.objects.settings import PointsConfig
from ml.networks.model_network import ModelNetwork
from ml.networks.unet import RegionNetwork
from ml.storage.model_state import ModelState
from ml.training.crop_trainer import Batch
from ml.training.crops import Layers, Material
from ml.training.detection import centres_of, heat_of, paint_centres, point_loss


class Points(ObjectRecipe[PointsConfig]):
    """Heat around the centres of each label, whose maxima are the detections."""

    info = INFO

    def compose(self) -> ObjectParts:
        """Return a U-Net of heat around centres."""
        network = WindowNetwork(ModelNetwork(self._network))
        targets, detector = PointTargets(self.state), PointDetector(self.config)
        return detection_parts(self.state, self.config, network, targets, detector)

    def _network(self) -> nn.Module:
        return RegionNetwork("basic", len(self.labels), self.config.width, self.state.depth)


@dataclass(frozen=True)
class PointTargets:
    """Heat around the centres of objects."""

    state: ModelState

    def paint(self, image: OutlinedImage, side: int) -> Material:
        """Return an image with classes, centres and weights."""
        return paint_centres(image, side)

    def finish(self, layers: Layers) -> Layers:
        """Return heat and weights of a crop."""
        classes, marks, weight = layers
        return [heat_of(classes, marks, len(self.state.labels)), weight]

    def loss(self, scores: Tensor, targets: Batch) -> Tensor:
        """Return the loss of the heat."""
        heat, weight = targets
        return point_loss(scores, heat, weight)


@dataclass(frozen=True)
class PointDetector:
    """Points (n, 2) of y and x at the peaks of the heat."""

    config: PointsConfig

    def heat(self, scores: Tensor) -> NDArray[np.float32]:
        """Return heat 0..1 of each label (k, h, w)."""
        heat: NDArray[np.float32] = torch.sigmoid(scores).numpy()
        return heat

    def detections(self, heat: NDArray[np.float32]) -> Detections:
        """Return the peaks of the heat of each label."""
        peaks = [peaks_of(layer, max(1, self.config.reach // 2)) for layer in heat]
        middle = np.concatenate([places for places, _ in peaks])
        label = np.repeat(np.arange(len(peaks), dtype=np.int16), [len(places) for places, _ in peaks])
        return Detections(middle, middle, label, np.concatenate([score for _, score in peaks]))

    def truth(self, image: OutlinedImage) -> Floats:
        """Return the centres of an image's objects."""
        return centres_of(image.instances)

    def nearness(self, places: Floats, truth: Floats) -> Floats:
        """Return the reach of the settings, less the distance."""
        apart = np.linalg.norm(places[:, None] - truth[None], axis=2)
        nearness: Floats = self.config.reach - apart
        return nearness

    def geometry(self, places: Floats) -> NDArray[np.object_]:
        """Return points in the middle of the pixels."""
        return cast("NDArray[np.object_]", shapely.points(places[:, ::-1] + 0.5))
