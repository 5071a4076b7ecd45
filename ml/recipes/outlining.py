"""What recipes share that outline every object: material, evaluation, and outlines without seams."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry
from torch import Tensor

from ml.contracts import Context, DataError, Dataset, Evaluation, Objects, Prediction, Sentence, SlideReader
from ml.data.objects import OutlinedImage, level_scale, outlined_images
from ml.evaluation.objects import MEASURES, evaluate_objects, measure_image
from ml.inference.splitting import trace_objects
from ml.inference.windows import Window, read_windows, windows_of
from ml.recipes.windowing import HALO, Batch, CoarseMaps, WindowRecipe, hold_out
from ml.slides import tissue_mask
from ml.training.crops import Layers, Material, draw_crops
from ml.training.logistic import entropy_share

VALIDATION_CROPS = 24


class OutlineRecipe(WindowRecipe):
    """Class shares of each pixel, split into objects. Subclasses say by what they are split."""

    @abstractmethod
    def _painted(self, image: OutlinedImage, side: int) -> Material:
        """Return an image with the layers that targets are made of."""

    def _finish(self, layers: Layers) -> Layers:
        """Return the targets of a crop from its layers."""
        return layers

    @abstractmethod
    def _loss(self, found: Tensor, targets: Batch) -> Tensor:
        """Return the loss of a batch's scores."""

    @abstractmethod
    def _split(self, scores: Tensor) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Return class shares (1 + labels, h, w) and instances (h, w), 0 background, of scores (c, h, w)."""

    def see(self, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Return class shares (1 + labels, h, w) and instances (h, w) of RGB pixels (h, w, 3)."""
        return self._split(self.look(pixels))

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train on ``train``; keep the weights that do best on ``validation``."""
        learned, held = self._material(dataset, context)
        if not any(image.instances.any() for image in learned):
            message = "No object is outlined in the training part. Outline some there."
            raise DataError("no_labels", message)
        crop, batch = self.config.crop, self.config.batch
        painted = [self._painted(image, crop) for image in learned]
        fixed = [self._painted(image, crop) for image in held]
        count = min(VALIDATION_CROPS, 4 * batch)
        random = np.random.default_rng(context.seed)
        progress = self._train(
            painted,
            lambda random: draw_crops(painted, batch, crop, random, self._finish),
            lambda network, found: self._loss(network(found[0]), found[1:]),
            draw_crops(fixed, count, crop, random, self._finish),
            context,
        )
        self.facts = {
            "images": len(learned),
            "nuclei": int(sum(image.instances.max() for image in learned)),
            "epochs": progress.epoch,
        }

    def evaluate(self, dataset: Dataset, context: Context, part: str = "test") -> Evaluation:
        """Measure outlines against those of one part; ``all`` is every part."""
        self._ready(context)
        images = outlined_images(dataset, (part,), self.config.mpp)
        rows = []
        for number, image in enumerate(images):
            context.report(
                number / len(images),
                Sentence("image", "Image {number} of {total}", number=number + 1, total=len(images)),
            )
            _, found = self.see(image.pixels)
            rows.append(measure_image(image.instances * image.valid, found * image.valid))
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
        """Yield outlines window by window; each object comes from the window that holds its centre."""
        self._ready(context)
        scale = level_scale(slide, self.config.mpp)
        windows = windows_of(slide, self.config.tile, HALO, scale, tissue=tissue_mask(slide), region=region)
        if not len(windows.places):
            yield Prediction(1.0)
            return
        maps = CoarseMaps(len(self.labels), (windows.rows, windows.columns), self.config.tile, scale)
        for number, (window, pixels) in enumerate(read_windows(slide, windows), start=1):
            shares, instances = self.see(pixels)
            objects = outlines_of(shares, instances, window, scale, region)
            maps.paint(window, shares)
            context.report(
                number / len(windows.places),
                Sentence("window", "Window {number} of {total}", number=number, total=len(windows.places)),
            )
            yield Prediction(number / len(windows.places), objects, maps.heat_maps())

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
    """Return the objects of a window: the kind that most of an object's pixels have is its label."""
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
