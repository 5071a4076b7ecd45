"""Base of recipes that detect objects without outlining them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry
from skimage.measure import regionprops
from torch import Tensor

from ml.contracts import Context, DataError, Dataset, Evaluation, Objects, Prediction, SlideReader
from ml.data.channels import take_channels
from ml.data.objects import OutlinedImage, level_scale, outlined_images
from ml.evaluation.bootstrap import resample_units
from ml.evaluation.counts import evaluate_counts
from ml.evaluation.froc import Matched, average_precision, best_threshold, counts_at, froc, match
from ml.inference.entropy import entropy_share
from ml.inference.windows import Window, windows_of
from ml.messages import Message
from ml.methods.bases.settings import DetectionSettingsT_co
from ml.methods.bases.window_recipe import HALO, Batch, CoarseMaps, CropRecipe, hold_out, object_predictions
from ml.slides import tissue_mask
from ml.training.crops import Layers, Material, draw_crops

VALIDATION_CROPS = 24
# A point on a slide is drawn this large, in pixels as read.
POINT = 3.0
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Detections:
    """Detections: ``places`` (n, d), ``middle`` (n, 2) = y, x as read; ``label``, ``score`` (n,)."""

    places: Floats
    middle: Floats
    label: NDArray[np.int16]
    score: NDArray[np.float32]


class DetectionRecipe(CropRecipe[DetectionSettingsT_co]):
    """A recipe of heat maps by label whose peaks are objects."""

    @abstractmethod
    def _painted(self, image: OutlinedImage, side: int) -> Material:
        """Return an image with the layers from which targets are computed."""

    @abstractmethod
    def _finish(self, layers: Layers) -> Layers:
        """Return the targets of a crop from its layers."""

    @abstractmethod
    def _loss(self, scores: Tensor, targets: Batch) -> Tensor:
        """Return the loss of a batch's scores."""

    @abstractmethod
    def _detections(self, scores: NDArray[np.float32]) -> Detections:
        """Return all detections of scores (c, h, w), whatever their score."""

    @abstractmethod
    def _truth(self, image: OutlinedImage) -> Floats:
        """Return the places (t, d) of an image's objects, in the order of their numbers."""

    @abstractmethod
    def _nearness(self, places: Floats, truth: Floats) -> Floats:
        """Return (n, t): the match of detections with objects, below 0 for none."""

    @abstractmethod
    def _geometry(self, places: Floats) -> NDArray[np.object_]:
        """Return shapes (n,) of detections, in pixels as read."""

    @property
    def threshold(self) -> float:
        """Return the score from which a detection counts."""
        return float(self.facts.get("threshold", 0.5))

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train on ``train``; keep the weights and the threshold that are best on ``validation``."""
        take_channels(self.state, dataset)
        learned, held = self._material(self.seen(dataset), context)
        count = int(sum(image.instances.max() for image in learned))
        if not count:
            raise DataError(
                Message("no_object_marked"),
                code="no_labels",
            )
        crop, batch = self.config.crop, self.config.batch
        painted = self.toned([self._painted(image, crop) for image in learned])
        fixed = self.toned([self._painted(image, crop) for image in held])
        random = np.random.default_rng(context.seed)
        progress = self._train(
            painted,
            lambda random: draw_crops(painted, batch, crop, random, self._finish),
            lambda network, layers: self._loss(network(layers[0]), layers[1:]),
            draw_crops(fixed, min(VALIDATION_CROPS, 4 * batch), crop, random, self._finish),
            context,
        )
        self.facts = {"images": len(learned), "objects": count, "epochs": progress.epoch}
        self.facts["threshold"] = round(best_threshold([self._matched(image) for image in held]), 4)

    def evaluate(self, dataset: Dataset, context: Context, part: str = "test") -> Evaluation:
        """Measure detections against the objects of one part; ``all`` is every part."""
        self.ready(context)
        images = outlined_images(self.seen(dataset), (part,), self.config.mpp, POINT)
        matched = []
        for number, image in enumerate(images):
            context.report(
                number / len(images),
                Message("image", number=number + 1, total=len(images)),
            )
            matched.append(self._matched(image))
        units = np.array([image.unit for image in images], dtype=np.str_)
        weights = resample_units(units, context.seed)
        return evaluate_counts(
            self.labels,
            counts_at(matched, self.threshold, len(self.labels)),
            units,
            int(sum(item.there.sum() for item in matched)),
            seed=context.seed,
            more={"froc": froc(matched, weights), "average_precision": average_precision(matched, weights)},
        )

    def predict(
        self, slide: SlideReader, context: Context, region: BaseGeometry | None = None
    ) -> Iterator[Prediction]:
        """Yield detections window by window; each comes from the window that contains its centre."""
        self.ready(context)
        scale = level_scale(slide, self.config.mpp)
        windows = windows_of(slide, self.config.tile, HALO, scale, tissue=tissue_mask(slide), region=region)
        if not len(windows.places):
            yield Prediction(1.0)
            return
        shape = (windows.rows, windows.columns)
        maps = CoarseMaps(len(self.labels), shape, self.config.tile, scale, greatest=True)

        def look(window: Window, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], Objects]:
            scores = self.see(pixels)
            heat = scores[: len(self.labels)]
            shares = np.concatenate([1 - heat.max(axis=0, keepdims=True), heat])
            return shares, self._objects(self._detections(scores), window, scale, region)

        yield from object_predictions(self, slide, windows, context, maps=maps, look=look)

    @abstractmethod
    def see(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return heat 0..1 of each label (k, h, w), and the recipe's other maps, of RGB pixels (h, w, 3)."""

    def _objects(
        self, detections: Detections, window: Window, scale: float, region: BaseGeometry | None
    ) -> Objects:
        owned = np.array([window.owns(y + 0.5, x + 0.5) for y, x in detections.middle], dtype=bool)
        kept = owned & (detections.score >= self.threshold)
        shapes = self._geometry(detections.places[kept])
        shapes = shapely.transform(shapes, lambda xy: xy * scale + (window.left, window.top))
        label, score = detections.label[kept], detections.score[kept]
        if region is not None:
            inside = shapely.intersects(region, shapely.centroid(shapes))
            shapes, label, score = shapes[inside], label[inside], score[inside]
        doubt = entropy_share(np.stack([score, 1 - score], axis=1).astype(np.float64))
        return Objects(shapes, label, score, doubt)

    def _matched(self, image: OutlinedImage) -> Matched:
        detections = self._detections(self.see(image.pixels))
        rows = np.rint(detections.middle).astype(int).reshape(-1, 2)
        annotated = image.valid[rows[:, 0], rows[:, 1]]
        there = np.unique(image.instances[image.instances > 0])
        near = self._nearness(detections.places[annotated], self._truth(image)[there - 1])
        small = self._uncounted(image)[there - 1]
        score, label, truth = detections.score[annotated], detections.label[annotated], image.classes[there]
        return match(score, label, truth, near, len(self.labels), left_out=small)

    def _uncounted(self, image: OutlinedImage) -> NDArray[np.bool_]:
        """Return which objects 1..n are shorter than ``counted_from``; those cut by an edge may be longer."""
        small = np.zeros(int(image.instances.max(initial=0)), dtype=bool)
        if not self.config.counted_from:
            return small
        if self.config.mpp is None:
            message = Message(
                "counted_from_needs_mpp",
            )
            raise DataError(message, code="bad_config")
        edges = np.concatenate([image.instances[[0, -1]].ravel(), image.instances[:, [0, -1]].ravel()])
        for item in regionprops(image.instances):
            length = item.axis_major_length * self.config.mpp
            small[item.label - 1] = item.label not in edges and length < self.config.counted_from
        return small

    def _material(
        self, dataset: Dataset, context: Context
    ) -> tuple[list[OutlinedImage], list[OutlinedImage]]:
        learned = outlined_images(dataset, ("train",), self.config.mpp, POINT)
        try:
            return learned, outlined_images(dataset, ("validation",), self.config.mpp, POINT)
        except DataError as error:
            if error.code != "no_labels":
                raise
        return hold_out(learned, context.seed)
