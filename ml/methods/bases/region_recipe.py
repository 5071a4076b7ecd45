"""Base of recipes that classify each pixel into regions."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
import shapely
import torch
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from ml.contracts import Context, DataError, Dataset, Evaluation, Prediction, SlideReader
from ml.data.channels import take_channels
from ml.data.objects import level_scale
from ml.data.regions import UNKNOWN, RegionImage, region_images
from ml.evaluation.counts import evaluate_counts, pixel_counts
from ml.inference.canvas import Canvas, Shares
from ml.inference.journal import Arrays
from ml.inference.windows import Window, Windows, windows_of
from ml.messages import Message
from ml.methods.bases.settings import RegionMapSettingsT_co, RegionSettingsT_co
from ml.methods.bases.window_recipe import HALO, LOOKS, CropRecipe, WindowRecipe, hold_out
from ml.slides import tissue_mask
from ml.training.regions import RegionCrops, paint_regions, region_loss

VALIDATION_CROPS = 24
# The parts of a tile that cells may be: see Canvas.
GRAIN = 64
SeeWindow = Callable[[Window, NDArray[np.uint8]], Shares]


class RegionMapRecipe(WindowRecipe[RegionMapSettingsT_co]):
    """A recipe of the share of each class at each pixel, traced to outlines.

    Windows overlap by ``halo`` pixels on every side.
    """

    halo: ClassVar[int] = HALO

    @property
    @abstractmethod
    def tile(self) -> int:
        """Return the side of the core of a window, in pixels as read."""

    @abstractmethod
    def scale_of(self, slide: SlideReader) -> float:
        """Return level-0 pixels of a slide per pixel as read; raises DataError(``no_resolution``)."""

    @abstractmethod
    def prepared(self, slide: SlideReader, windows: Windows, context: Context) -> tuple[float, SeeWindow]:
        """Return the progress after preparing, and the function from a window to its shares."""

    def predict(
        self, slide: SlideReader, context: Context, region: BaseGeometry | None = None
    ) -> Iterator[Prediction]:
        """Yield growing heat maps; the last prediction has the outlines, traced without seams."""
        self.ready(context)
        scale = self.scale_of(slide)
        tile = self.tile
        windows = windows_of(slide, tile, self.halo, scale, tissue=tissue_mask(slide), region=region)
        count = len(windows.places)
        if not count:
            yield Prediction(1.0)
            return
        canvas = Canvas(windows, len(self.labels), tile, self.config.finest)
        begun, see = self.prepared(slide, windows, context)

        def look(window: Window, pixels: NDArray[np.uint8]) -> Arrays:
            return {"cells": canvas.cells(window, see(window, pixels))}

        shown = 0
        for number, (window, arrays) in enumerate(self.looked_at(slide, windows, context, look), start=1):
            canvas.paint(window, arrays["cells"])
            progress = begun + (0.99 - begun) * number / count
            context.report(
                progress,
                Message("window", number=number, total=count),
            )
            if number < count and (not shown or number - shown >= count / LOOKS):
                shown = number
                yield Prediction(progress, heat_maps=canvas.heat_maps())
        frame: BaseGeometry = shapely.box(0, 0, slide.width, slide.height)
        if region is not None:
            frame = frame.intersection(region)
        yield Prediction(1.0, canvas.objects(self.field_of, self.config.smallest, frame), canvas.heat_maps())

    def field_of(self, shares: Shares, number: int) -> Shares:
        """Return by how much (h, w) a label's share exceeds the share of all other classes."""
        others = np.delete(shares, number + 1, axis=0).max(axis=0)
        field: Shares = shares[number + 1] - others
        return field

    def _check_classes(self, classes: Sequence[int]) -> None:
        if not any(classes):
            message = Message("no_region_in_training")
            raise DataError(message, code="no_labels")
        if len(classes) < 2:  # noqa: PLR2004 - one against another
            message = Message(
                "one_label_outlined",
            )
            raise DataError(message, code="one_class_only")
        self.background = 0 in classes

    def _known(self, images: Sequence[RegionImage]) -> list[RegionImage]:
        """Return the images after the setting for unlabelled tissue, which may count as background."""
        if self.config.unlabelled == "ignored":
            return list(images)
        return [
            replace(image, classes=np.where(image.classes == UNKNOWN, 0, image.classes).astype(np.uint8))
            for image in images
        ]


class RegionRecipe(RegionMapRecipe[RegionSettingsT_co], CropRecipe[RegionSettingsT_co]):
    """A softmax over background and labels for each pixel; unlabelled pixels are ignored in training."""

    @property
    def tile(self) -> int:
        """Return the side of the core of a window, in pixels as read."""
        return max(GRAIN, self.config.tile // GRAIN * GRAIN)

    def scale_of(self, slide: SlideReader) -> float:
        """Return level-0 pixels of a slide per pixel as read; raises DataError(``no_resolution``)."""
        return level_scale(slide, self.config.mpp)

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train on ``train``; keep the weights that are best on ``validation``."""
        take_channels(self.state, dataset)
        learned, held = self._material(self.seen(dataset), context)
        crop, batch = self.config.crop, self.config.batch
        painted = self.toned([paint_regions(image, crop) for image in learned])
        crops = RegionCrops(painted, crop, context.seed)
        self._check_classes(crops.classes)
        fixed = RegionCrops(self.toned([paint_regions(image, crop) for image in held]), crop, context.seed)
        random = np.random.default_rng(context.seed)
        progress = self._train(
            painted,
            lambda random: crops.draw(batch, random),
            lambda network, layers: region_loss(network(layers[0]), layers[1]),
            fixed.draw(min(VALIDATION_CROPS, 4 * batch), random),
            context,
        )
        self.facts = {
            "images": len(learned),
            "megapixels labelled": round(sum((i.classes != UNKNOWN).sum() for i in learned) / 1e6, 2),
            "epochs": progress.epoch,
        }

    def evaluate(self, dataset: Dataset, context: Context, part: str = "test") -> Evaluation:
        """Measure on the labelled pixels of one part; ``all`` is every part."""
        self.ready(context)
        images = region_images(self.seen(dataset), (part,), self.config.mpp)
        counts = []
        for number, image in enumerate(images):
            context.report(
                number / len(images),
                Message("image", number=number + 1, total=len(images)),
            )
            predicted = self.classes_of(self.see(image.pixels))
            counts.append(pixel_counts(image.classes, predicted, len(self.labels), UNKNOWN))
        units = np.array([image.unit for image in images], dtype=np.str_)
        return evaluate_counts(self.labels, np.stack(counts), units, len(images), seed=context.seed)

    def prepared(
        self,
        slide: SlideReader,
        windows: Windows,
        context: Context,
    ) -> tuple[float, SeeWindow]:
        """Return no progress, as nothing is prepared, and the function from a window to its shares."""
        del slide, windows, context
        return 0.0, lambda _window, pixels: self.see(pixels)

    def see(self, pixels: NDArray[np.uint8]) -> Shares:
        """Return the share (1 + labels, h, w) of background and each label at each pixel."""
        scores = self.look(pixels)
        if not self.background:
            scores = torch.cat([torch.full_like(scores[:1], -torch.inf), scores[1:]])
        shares: Shares = scores.softmax(dim=0).numpy()
        return shares

    def classes_of(self, shares: Shares) -> NDArray[np.uint8]:
        """Return the class (h, w) of each pixel: 0 background, 1.. labels."""
        classes: NDArray[np.uint8] = shares.argmax(axis=0).astype(np.uint8)
        return classes

    def _material(self, dataset: Dataset, context: Context) -> tuple[list[RegionImage], list[RegionImage]]:
        learned = self._known(region_images(dataset, ("train",), self.config.mpp))
        try:
            return learned, self._known(region_images(dataset, ("validation",), self.config.mpp))
        except DataError as error:
            if error.code != "no_labels":
                raise
        return hold_out(learned, context.seed)
