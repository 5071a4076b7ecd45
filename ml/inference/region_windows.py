"""Prediction of the regions of a slide, window by window, traced to outlines without seams."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import shapely
import torch
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from ml.contracts import Context, Dataset, Evaluation, Prediction, SlideReader
from ml.data.channels import with_channels
from ml.data.objects import level_scale
from ml.data.regions import UNKNOWN, region_images
from ml.evaluation.counts import evaluate_counts, pixel_counts
from ml.inference.canvas import Canvas, Shares
from ml.inference.journal import Arrays
from ml.inference.window_network import HALO, WindowNetwork, results_of_windows
from ml.inference.windows import Window, Windows, windows_of
from ml.messages import Message
from ml.slides import tissue_mask
from ml.storage.model_state import ModelState

# Heat maps are yielded at most this often, because each is a copy of the whole grid.
HEAT_MAP_STEPS: Final = 20
# The side of a tile is a multiple of this: see Canvas.
GRAIN: Final = 64
SeeWindow = Callable[[Window, NDArray[np.uint8]], Shares]


class RegionClassifier(Protocol):
    """Classifies the pixels of an image."""

    def see(self, pixels: NDArray[np.uint8]) -> Shares:
        """Return the share (1 + labels, h, w) of background and each label at each pixel (h, w, depth)."""
        ...

    def classes_of(self, shares: Shares) -> NDArray[np.uint8]:
        """Return the class (h, w) of each pixel: 0 background, 1.. labels."""
        ...

    def field_of(self, shares: Shares, number: int) -> Shares:
        """Return a field (h, w) that is above zero where a label holds."""
        ...


class RegionWindows(Protocol):
    """The windows in which a model reads a slide, and the shares of each class that it sees in them."""

    @property
    def tile(self) -> int:
        """Return the side of the core of a window, in pixels as read."""
        ...

    @property
    def halo(self) -> int:
        """Return by how many pixels windows overlap on every side."""
        ...

    def scale_of(self, slide: SlideReader) -> float:
        """Return level-0 pixels of a slide per pixel as read; raises DataError(``no_resolution``)."""
        ...

    def prepared(self, slide: SlideReader, windows: Windows, context: Context) -> tuple[float, SeeWindow]:
        """Return the progress after preparing, and the function from a window to its shares."""
        ...

    def field_of(self, shares: Shares, number: int) -> Shares:
        """Return a field (h, w) that is above zero where a label holds."""
        ...


class TileSettings(Protocol):
    """Settings of the windows of a slide."""

    @property
    def mpp(self) -> float | None:
        """Resolution at which pixels are read, µm/px; None reads the slide as it is."""
        ...

    @property
    def tile(self) -> int:
        """Side of a window, px."""
        ...


def margin_of(shares: Shares, number: int) -> Shares:
    """Return by how much (h, w) a label's share exceeds the share of all other classes."""
    others = np.delete(shares, number + 1, axis=0).max(axis=0)
    field: Shares = shares[number + 1] - others
    return field


@dataclass(frozen=True)
class PixelWindows:
    """Windows whose shares depend on their pixels alone."""

    config: TileSettings
    classifier: RegionClassifier
    halo: int = HALO

    @property
    def tile(self) -> int:
        """Return the side of the core of a window, in pixels as read."""
        return max(GRAIN, self.config.tile // GRAIN * GRAIN)

    def scale_of(self, slide: SlideReader) -> float:
        """Return level-0 pixels of a slide per pixel as read; raises DataError(``no_resolution``)."""
        return level_scale(slide, self.config.mpp)

    def prepared(self, slide: SlideReader, windows: Windows, context: Context) -> tuple[float, SeeWindow]:
        """Return no progress, as nothing is prepared, and the function from a window to its shares."""
        del slide, windows, context
        return 0.0, lambda _window, pixels: self.classifier.see(pixels)

    def field_of(self, shares: Shares, number: int) -> Shares:
        """Return a field (h, w) that is above zero where a label holds."""
        return self.classifier.field_of(shares, number)


@dataclass
class PixelClassifier:
    """The softmax over background and labels at each pixel."""

    state: ModelState
    network: WindowNetwork

    def see(self, pixels: NDArray[np.uint8]) -> Shares:
        """Return the share (1 + labels, h, w) of background and each label at each pixel."""
        scores = self.network.look(pixels)
        if not self.state.background:
            scores = torch.cat([torch.full_like(scores[:1], -torch.inf), scores[1:]])
        shares: Shares = scores.softmax(dim=0).numpy()
        return shares

    def classes_of(self, shares: Shares) -> NDArray[np.uint8]:
        """Return the class (h, w) of each pixel: 0 background, 1.. labels."""
        classes: NDArray[np.uint8] = shares.argmax(axis=0).astype(np.uint8)
        return classes

    def field_of(self, shares: Shares, number: int) -> Shares:
        """Return by how much (h, w) a label's share exceeds the share of all other classes."""
        return margin_of(shares, number)


@dataclass(frozen=True)
class PixelEvaluator:
    """Measures the class of each labelled pixel, of images read at ``mpp``."""

    state: ModelState
    mpp: float | None
    classifier: RegionClassifier

    def evaluate(self, dataset: Dataset, context: Context, part: str) -> Evaluation:
        """Measure on the labelled pixels of one part; ``all`` is every part."""
        labels = self.state.labels
        images = region_images(with_channels(self.state, dataset), (part,), self.mpp)
        counts = []
        for number, image in enumerate(images):
            context.report(number / len(images), Message("image", number=number + 1, total=len(images)))
            predicted = self.classifier.classes_of(self.classifier.see(image.pixels))
            counts.append(pixel_counts(image.classes, predicted, len(labels), UNKNOWN))
        units = np.array([image.unit for image in images], dtype=np.str_)
        return evaluate_counts(labels, np.stack(counts), units, len(images), seed=context.seed)


def predict_regions(
    slide: SlideReader,
    context: Context,
    region: BaseGeometry | None,
    *,
    source: RegionWindows,
    labels: int,
    finest: int,
    smallest: int,
) -> Iterator[Prediction]:
    """Yield growing heat maps; the last prediction has the outlines, traced without seams.

    ``finest`` is the side of the cells that outlines follow, ``smallest`` the area below which a region is
    dropped, both in pixels as read.
    """
    scale, tile = source.scale_of(slide), source.tile
    windows = windows_of(slide, tile, source.halo, scale, tissue=tissue_mask(slide), region=region)
    count = len(windows.places)
    if not count:
        yield Prediction(1.0)
        return
    canvas = Canvas(windows, labels, tile, finest)
    begun, see = source.prepared(slide, windows, context)

    def look(window: Window, pixels: NDArray[np.uint8]) -> Arrays:
        return {"cells": canvas.cells(window, see(window, pixels))}

    shown = 0
    for number, (window, arrays) in enumerate(results_of_windows(slide, windows, context, look), start=1):
        canvas.paint(window, arrays["cells"])
        progress = begun + (0.99 - begun) * number / count
        context.report(progress, Message("window", number=number, total=count))
        if number < count and (not shown or number - shown >= count / HEAT_MAP_STEPS):
            shown = number
            yield Prediction(progress, heat_maps=canvas.heat_maps())
    frame: BaseGeometry = shapely.box(0, 0, slide.width, slide.height)
    if region is not None:
        frame = frame.intersection(region)
    yield Prediction(1.0, canvas.objects(source.field_of, smallest, frame), canvas.heat_maps())
