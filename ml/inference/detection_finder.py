"""Detection of objects without outlines, by the peaks of heat maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry
from skimage.measure import regionprops
from torch import Tensor

from ml.contracts import Context, DataError, Dataset, Evaluation, Objects
from ml.data.channels import with_channels
from ml.data.objects import OutlinedImage, outlined_images
from ml.evaluation.bootstrap import resample_units
from ml.evaluation.counts import evaluate_counts
from ml.evaluation.froc import Matched, average_precision, counts_at, froc, match
from ml.inference.entropy import entropy_share
from ml.inference.window_network import WindowNetwork
from ml.inference.windows import Window
from ml.messages import Message
from ml.storage.model_state import ModelState

# A point on a slide is drawn this large, in pixels as read.
POINT: Final = 3.0
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Detections:
    """Detections: ``places`` (n, d), ``middle`` (n, 2) = y, x as read; ``label``, ``score`` (n,)."""

    places: Floats
    middle: Floats
    label: NDArray[np.int16]
    score: NDArray[np.float32]


class Detector(Protocol):
    """Turns the scores of a network into detections, and matches them with known objects."""

    def heat(self, scores: Tensor) -> NDArray[np.float32]:
        """Return heat 0..1 of each label (k, h, w), and other maps, of the scores (c, h, w)."""
        ...

    def detections(self, heat: NDArray[np.float32]) -> Detections:
        """Return all detections of the maps that ``heat`` returned, whatever their score."""
        ...

    def truth(self, image: OutlinedImage) -> Floats:
        """Return the places (t, d) of an image's objects, in the order of their numbers."""
        ...

    def nearness(self, places: Floats, truth: Floats) -> Floats:
        """Return (n, t): the match of detections with objects, below 0 for none."""
        ...

    def geometry(self, places: Floats) -> NDArray[np.object_]:
        """Return shapes (n,) of detections, in pixels as read."""
        ...


class CountSettings(Protocol):
    """Settings of the count of objects."""

    @property
    def mpp(self) -> float | None:
        """Resolution at which pixels are read, µm/px; None reads the slide as it is."""
        ...

    @property
    def counted_from(self) -> float:
        """Length below which objects are not counted, µm; 0 counts all."""
        ...


@dataclass
class DetectionFinder:
    """Finds objects by a network and a detector, from the threshold that training chose."""

    state: ModelState
    config: CountSettings
    network: WindowNetwork
    detector: Detector
    greatest: bool = True

    @property
    def threshold(self) -> float:
        """Return the score from which a detection counts."""
        return float(self.state.facts.get("threshold", 0.5))

    def see(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return heat 0..1 of each label (k, h, w), and the other maps of the detector, of RGB (h, w, 3)."""
        return self.detector.heat(self.network.look(pixels))

    def find(
        self, window: Window, pixels: NDArray[np.uint8], scale: float, region: BaseGeometry | None
    ) -> tuple[NDArray[np.float32], Objects]:
        """Return the shares of a window, and the detections in its core that reach the threshold."""
        scores = self.see(pixels)
        heat = scores[: len(self.state.labels)]
        shares = np.concatenate([1 - heat.max(axis=0, keepdims=True), heat])
        return shares, self._objects(self.detector.detections(scores), window, scale, region)

    def matched(self, image: OutlinedImage) -> Matched:
        """Return the detections of an image, matched with its objects."""
        detections = self.detector.detections(self.see(image.pixels))
        rows = np.rint(detections.middle).astype(int).reshape(-1, 2)
        annotated = image.valid[rows[:, 0], rows[:, 1]]
        there = np.unique(image.instances[image.instances > 0])
        near = self.detector.nearness(detections.places[annotated], self.detector.truth(image)[there - 1])
        small = self._uncounted(image)[there - 1]
        score, label, truth = detections.score[annotated], detections.label[annotated], image.classes[there]
        return match(score, label, truth, near, len(self.state.labels), left_out=small)

    def _objects(
        self, detections: Detections, window: Window, scale: float, region: BaseGeometry | None
    ) -> Objects:
        owned = np.array([window.owns(y + 0.5, x + 0.5) for y, x in detections.middle], dtype=bool)
        kept = owned & (detections.score >= self.threshold)
        shapes = self.detector.geometry(detections.places[kept])
        shapes = shapely.transform(shapes, lambda xy: xy * scale + (window.left, window.top))
        label, score = detections.label[kept], detections.score[kept]
        if region is not None:
            inside = shapely.intersects(region, shapely.centroid(shapes))
            shapes, label, score = shapes[inside], label[inside], score[inside]
        doubt = entropy_share(np.stack([score, 1 - score], axis=1).astype(np.float64))
        return Objects(shapes, label, score, doubt)

    def _uncounted(self, image: OutlinedImage) -> NDArray[np.bool_]:
        """Return which objects 1..n are shorter than ``counted_from``; those cut by an edge may be longer."""
        small = np.zeros(int(image.instances.max(initial=0)), dtype=bool)
        if not self.config.counted_from:
            return small
        if self.config.mpp is None:
            raise DataError(Message("counted_from_needs_mpp"), code="bad_config")
        edges = np.concatenate([image.instances[[0, -1]].ravel(), image.instances[:, [0, -1]].ravel()])
        for item in regionprops(image.instances):
            length = item.axis_major_length * self.config.mpp
            small[item.label - 1] = item.label not in edges and length < self.config.counted_from
        return small


@dataclass(frozen=True)
class DetectionEvaluator:
    """Measures detections against the objects of a dataset."""

    finder: DetectionFinder

    def evaluate(self, dataset: Dataset, context: Context, part: str) -> Evaluation:
        """Measure detections against the objects of one part; ``all`` is every part."""
        finder, state = self.finder, self.finder.state
        images = outlined_images(with_channels(state, dataset), (part,), finder.config.mpp, POINT)
        matched = []
        for number, image in enumerate(images):
            context.report(number / len(images), Message("image", number=number + 1, total=len(images)))
            matched.append(finder.matched(image))
        units = np.array([image.unit for image in images], dtype=np.str_)
        weights = resample_units(units, context.seed)
        return evaluate_counts(
            state.labels,
            counts_at(matched, finder.threshold, len(state.labels)),
            units,
            int(sum(item.there.sum() for item in matched)),
            seed=context.seed,
            more={"froc": froc(matched, weights), "average_precision": average_precision(matched, weights)},
        )
