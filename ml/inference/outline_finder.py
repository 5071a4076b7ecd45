"""Outlines of the objects of an image, from class shares and maps that separate objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry
from torch import Tensor

from ml.contracts import Context, Dataset, Evaluation, Objects
from ml.data.channels import with_channels
from ml.data.objects import outlined_images
from ml.evaluation.objects import MEASURES, evaluate_objects, measure_image
from ml.inference.entropy import entropy_share
from ml.inference.splitting import Cut, trace_objects
from ml.inference.window_network import WindowNetwork
from ml.inference.windows import Window
from ml.messages import Message
from ml.storage.model_state import ModelState

# Shares from which a pixel may be an object's, the usual one first.
INSIDES: Final = (0.5, 0.45, 0.4, 0.35, 0.55)
# Class shares (1 + labels, h, w) and the maps that separate objects, (h, w) or (2, h, w).
Maps = tuple[NDArray[np.float32], NDArray[np.float32]]


class Splitter(Protocol):
    """Splits the scores of a network into objects.

    ``partings``: pairs of ``Cut.smooth`` and ``Cut.limit`` to choose from, the usual one first.
    """

    @property
    def partings(self) -> Sequence[tuple[float, float]]:
        """Return the pairs of smoothing and limit to choose from."""
        ...

    def maps(self, scores: Tensor) -> Maps:
        """Return class shares (1 + labels, h, w) and the maps that separate objects, of scores (c, h, w)."""
        ...

    def instances(self, maps: Maps, cut: Cut) -> NDArray[np.int32]:
        """Return instances (h, w), 0 background, from the result of ``maps``."""
        ...


@dataclass
class OutlineFinder:
    """Outlines objects by a network and a splitter, at the cut that training chose."""

    state: ModelState
    network: WindowNetwork
    splitter: Splitter
    greatest: bool = False

    @property
    def cut(self) -> Cut:
        """Return the thresholds of the split, as training chose them."""
        smooth, limit = self.splitter.partings[0]
        return Cut(**self.state.facts.get("cut", {"inside": INSIDES[0], "smooth": smooth, "limit": limit}))

    def maps(self, pixels: NDArray[np.uint8]) -> Maps:
        """Return class shares and separating maps of RGB pixels (h, w, 3)."""
        return self.splitter.maps(self.network.look(pixels))

    def see(self, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Return class shares (1 + labels, h, w) and instances (h, w) of RGB pixels (h, w, 3)."""
        maps = self.maps(pixels)
        return maps[0], self.splitter.instances(maps, self.cut)

    def find(
        self, window: Window, pixels: NDArray[np.uint8], scale: float, region: BaseGeometry | None
    ) -> tuple[NDArray[np.float32], Objects]:
        """Return the shares of a window, and the outlines whose centres are in its core."""
        shares, instances = self.see(pixels)
        return shares, outlines_of(shares, instances, window, scale, region)


@dataclass(frozen=True)
class OutlineEvaluator:
    """Measures outlines against those of a dataset, read at ``mpp``."""

    finder: OutlineFinder
    mpp: float | None

    def evaluate(self, dataset: Dataset, context: Context, part: str) -> Evaluation:
        """Measure outlines against those of one part; ``all`` is every part."""
        state = self.finder.state
        images = outlined_images(with_channels(state, dataset), (part,), self.mpp)
        rows = []
        for number, image in enumerate(images):
            context.report(number / len(images), Message("image", number=number + 1, total=len(images)))
            _, instances = self.finder.see(image.pixels)
            rows.append(measure_image(image.instances * image.valid, instances * image.valid))
        measures = {name: np.array([row[name] for row in rows]) for name in MEASURES}
        return evaluate_objects(
            state.labels,
            measures,
            np.array([image.unit for image in images], dtype=np.str_),
            int(sum(image.instances.max() for image in images)),
            context.seed,
        )


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
