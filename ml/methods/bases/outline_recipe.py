"""Base of recipes that outline every object: material, evaluation, and outlines without seams."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import ClassVar

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry
from torch import Tensor

from ml.contracts import Context, DataError, Dataset, Evaluation, Objects, Prediction, SlideReader
from ml.data.channels import take_channels
from ml.data.objects import OutlinedImage, level_scale, outlined_images
from ml.evaluation.objects import MEASURES, evaluate_objects, measure_image
from ml.inference.entropy import entropy_share
from ml.inference.splitting import Cut, trace_objects
from ml.inference.windows import Window, windows_of
from ml.messages import Message
from ml.methods.bases.settings import WindowSettingsT_co
from ml.methods.bases.window_recipe import HALO, Batch, CoarseMaps, CropRecipe, hold_out, object_predictions
from ml.slides import tissue_mask
from ml.training.crops import Layers, Material, draw_crops

VALIDATION_CROPS = 24
# Shares from which a pixel may be an object's, the usual one first.
INSIDES = (0.5, 0.45, 0.4, 0.35, 0.55)
# Pixels on which the cut is chosen, at most: a few seconds.
CHOOSE_BY = 1 << 20
# Class shares (1 + labels, h, w) and what parts objects, (h, w) or (2, h, w).
Maps = tuple[NDArray[np.float32], NDArray[np.float32]]


class OutlineRecipe(CropRecipe[WindowSettingsT_co]):
    """A recipe of class shares by pixel, split into objects. Subclasses define the split.

    ``partings``: pairs of ``Cut.smooth`` and ``Cut.limit`` to choose from, the usual one first.
    """

    partings: ClassVar[Sequence[tuple[float, float]]]
    average = 0.99

    @abstractmethod
    def _painted(self, image: OutlinedImage, side: int) -> Material:
        """Return an image with the layers from which targets are computed."""

    def _finish(self, layers: Layers) -> Layers:
        """Return the targets of a crop from its layers."""
        return layers

    @abstractmethod
    def _loss(self, scores: Tensor, targets: Batch) -> Tensor:
        """Return the loss of a batch's scores."""

    @abstractmethod
    def _maps(self, scores: Tensor) -> Maps:
        """Return class shares (1 + labels, h, w) and the maps that separate objects, of scores (c, h, w)."""

    @abstractmethod
    def _instances(self, maps: Maps, cut: Cut) -> NDArray[np.int32]:
        """Return instances (h, w), 0 background, from the result of ``_maps``."""

    @property
    def cut(self) -> Cut:
        """Return the thresholds of the split, as ``fit`` chose them."""
        smooth, limit = self.partings[0]
        return Cut(**self.facts.get("cut", {"inside": INSIDES[0], "smooth": smooth, "limit": limit}))

    def see(self, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Return class shares (1 + labels, h, w) and instances (h, w) of RGB pixels (h, w, 3)."""
        maps = self._maps(self.look(pixels))
        return maps[0], self._instances(maps, self.cut)

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train on ``train``; keep the weights and the cut that are best on ``validation``."""
        take_channels(self.state, dataset)
        learned, held = self._material(self.seen(dataset), context)
        if not any(image.instances.any() for image in learned):
            message = Message("no_object_outlined")
            raise DataError(message, code="no_labels")
        crop, batch = self.config.crop, self.config.batch
        painted = self.toned([self._painted(image, crop) for image in learned])
        fixed = self.toned([self._painted(image, crop) for image in held])
        count = min(VALIDATION_CROPS, 4 * batch)
        random = np.random.default_rng(context.seed)
        progress = self._train(
            painted,
            lambda random: draw_crops(painted, batch, crop, random, self._finish),
            lambda network, layers: self._loss(network(layers[0]), layers[1:]),
            draw_crops(fixed, count, crop, random, self._finish),
            context,
        )
        self.facts = {
            "images": len(learned),
            "nuclei": int(sum(image.instances.max() for image in learned)),
            "epochs": progress.epoch,
        }
        self.facts["cut"] = asdict(self._best_cut(held))

    def evaluate(self, dataset: Dataset, context: Context, part: str = "test") -> Evaluation:
        """Measure outlines against those of one part; ``all`` is every part."""
        self.ready(context)
        images = outlined_images(self.seen(dataset), (part,), self.config.mpp)
        rows = []
        for number, image in enumerate(images):
            context.report(
                number / len(images),
                Message("image", number=number + 1, total=len(images)),
            )
            _, instances = self.see(image.pixels)
            rows.append(measure_image(image.instances * image.valid, instances * image.valid))
        measures = {name: np.array([row[name] for row in rows]) for name in MEASURES}
        return evaluate_objects(
            self.labels,
            measures,
            np.array([image.unit for image in images], dtype=np.str_),
            int(sum(image.instances.max() for image in images)),
            context.seed,
        )

    def predict(
        self, slide: SlideReader, context: Context, region: BaseGeometry | None = None
    ) -> Iterator[Prediction]:
        """Yield outlines window by window; each object comes from the window that contains its centre."""
        self.ready(context)
        scale = level_scale(slide, self.config.mpp)
        windows = windows_of(slide, self.config.tile, HALO, scale, tissue=tissue_mask(slide), region=region)
        if not len(windows.places):
            yield Prediction(1.0)
            return
        maps = CoarseMaps(len(self.labels), (windows.rows, windows.columns), self.config.tile, scale)

        def look(window: Window, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], Objects]:
            shares, instances = self.see(pixels)
            return shares, outlines_of(shares, instances, window, scale, region)

        yield from object_predictions(self, slide, windows, context, maps=maps, look=look)

    def _best_cut(self, images: Sequence[OutlinedImage]) -> Cut:
        """Return the cut with the greatest mean panoptic quality, searching its thresholds one by one."""
        chosen = images[: max(1, CHOOSE_BY // max(image.instances.size for image in images))]
        seen = [(image, self._maps(self.look(image.pixels))) for image in chosen]

        def quality(cut: Cut) -> float:
            rows = [
                measure_image(image.instances * image.valid, self._instances(maps, cut) * image.valid)["pq"]
                for image, maps in seen
            ]
            known = [row for row in rows if not np.isnan(row)]
            return float(np.mean(known)) if known else 0.0

        best = max((Cut(inside, *self.partings[0]) for inside in INSIDES), key=quality)
        return max((Cut(best.inside, *parting) for parting in self.partings), key=quality)

    def _material(
        self, dataset: Dataset, context: Context
    ) -> tuple[list[OutlinedImage], list[OutlinedImage]]:
        learned = outlined_images(dataset, ("train",), self.config.mpp)
        try:
            return learned, outlined_images(dataset, ("validation",), self.config.mpp)
        except DataError as error:
            if error.code != "no_labels":
                raise
        return hold_out(learned, context.seed)


def outlines_of(
    shares: NDArray[np.float32],
    instances: NDArray[np.int32],
    window: Window,
    scale: float,
    region: BaseGeometry | None,
) -> Objects:
    """Return the objects of a window, each with the label of most of its pixels."""
    numbers, shapes = trace_objects(instances, window.owns)
    area = np.maximum(np.bincount(instances.ravel()), 1)
    sums = [np.bincount(instances.ravel(), layer.ravel(), len(area)) for layer in shares]
    means = (np.stack(sums, axis=1) / area[:, None])[numbers]
    kinds = shares[1:].argmax(axis=0)
    votes = [np.bincount(instances.ravel(), (kinds == k).ravel(), len(area)) for k in range(len(shares) - 1)]
    best = np.stack(votes, axis=1)[numbers].argmax(axis=1)
    shapes = shapely.transform(shapes, lambda xy: xy * scale + (window.left, window.top))
    if region is not None:
        inside = shapely.intersects(region, shapely.centroid(shapes))
        shapes, means, best = shapes[inside], means[inside], best[inside]
    score = np.take_along_axis(means[:, 1:], best[:, None], axis=1)[:, 0]
    return Objects(shapes, best.astype(np.int16), score.astype(np.float32), entropy_share(means))
