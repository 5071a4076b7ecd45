"""View of a slide with square pixels, and the maps between its coordinates and level-0 pixels.

Methods measure and cut squares. Where a slide's pixels are oblong they work on this view, whose pixels have
the finer side in both directions; results go back to level-0 pixels before they leave ``ml``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from ml.contracts import Bounds, Channel, HeatMap, LabelledSlide, Objects, Prediction, SlideReader
from ml.slides.errors import errors_with_names
from ml.slides.resolution.scale import Resolution


class PixelReader(Protocol):
    """An open slide in level-0 pixels with its stated resolution."""

    path: Path
    width: int
    height: int
    channels: tuple[Channel, ...]

    @property
    def resolution(self) -> Resolution | None:
        """µm per level-0 pixel along both axes."""
        ...

    @property
    def magnification(self) -> float | None:
        """Power of the objective."""
        ...

    def read_box(self, box: tuple[float, float, float, float], size: tuple[int, int]) -> NDArray[np.uint8]:
        """Return pixels (height, width, n) of a box (left, top, right, bottom) of level-0 pixels."""
        ...

    def close(self) -> None:
        """Release the file."""
        ...


@dataclass(frozen=True, slots=True)
class Stretch:
    """Square pixels per level-0 pixel along ``x`` and ``y``; at least 1."""

    x: float = 1.0
    y: float = 1.0

    @property
    def key(self) -> str:
        """Return a name for stored features and grids; empty for square pixels."""
        return "" if self == Stretch() else f"-{self.x:g}x{self.y:g}"

    def shape(self, geometry: BaseGeometry) -> BaseGeometry:
        """Return a geometry in level-0 pixels on the square view."""
        return _scaled(geometry, self.x, self.y)

    def original(self, geometry: BaseGeometry) -> BaseGeometry:
        """Return a geometry of the square view in level-0 pixels."""
        return _scaled(geometry, 1 / self.x, 1 / self.y)

    def original_bounds(self, bounds: Bounds) -> Bounds:
        """Return a box of the square view in level-0 pixels, rounded to whole pixels."""
        return Bounds(
            round(bounds.x / self.x),
            round(bounds.y / self.y),
            max(1, round(bounds.width / self.x)),
            max(1, round(bounds.height / self.y)),
        )

    def original_boxes(self, corners: NDArray[np.int64], side: int) -> NDArray[np.int64]:
        """Return x, y, width, height (n, 4) in level-0 pixels of squares (n, 2) of the square view."""
        boxes = [self.original_bounds(Bounds(x, y, side, side)) for x, y in corners.tolist()]
        rows = [(box.x, box.y, box.width, box.height) for box in boxes]
        return np.array(rows, dtype=np.int64).reshape(-1, 4)

    def original_heat_map(self, heat_map: HeatMap) -> HeatMap:
        """Return a heat map of the square view with its place and cells in level-0 pixels."""
        step_y = heat_map.step if heat_map.step_y is None else heat_map.step_y
        return replace(
            heat_map,
            x=heat_map.x / self.x,
            y=heat_map.y / self.y,
            step=heat_map.step / self.x,
            step_y=step_y / self.y,
        )

    def original_prediction(self, prediction: Prediction) -> Prediction:
        """Return a prediction on the square view in level-0 pixels."""
        objects, finding = prediction.objects, prediction.finding
        if objects is not None:
            objects = self._original_objects(objects)
        if finding is not None:
            evidence = tuple((self.original_bounds(box), weight) for box, weight in finding.evidence)
            finding = replace(finding, evidence=evidence)
        maps = tuple(self.original_heat_map(one) for one in prediction.heat_maps)
        return replace(prediction, objects=objects, heat_maps=maps, finding=finding)

    def _original_objects(self, objects: Objects) -> Objects:
        scale = np.array([1 / self.x, 1 / self.y])
        geometry = shapely.transform(objects.geometry, lambda xy: xy * scale)
        return replace(objects, geometry=np.asarray(geometry, dtype=object))


def _scaled(geometry: BaseGeometry, x: float, y: float) -> BaseGeometry:
    scale = np.array([x, y])
    scaled: BaseGeometry = shapely.transform(geometry, lambda xy: xy * scale)
    return scaled


class SquareReader:
    """A ``SlideReader`` whose pixels are squares of the finer side of a slide's oblong pixels."""

    def __init__(self, reader: PixelReader, resolution: Resolution) -> None:
        self._reader = reader
        self.stretch = Stretch(*resolution.stretch)
        self.path = reader.path
        self.width = round(reader.width * self.stretch.x)
        self.height = round(reader.height * self.stretch.y)
        self.mpp: float | None = resolution.finer
        self.magnification = reader.magnification

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Return the channels of the slide."""
        return self._reader.channels

    @channels.setter
    def channels(self, channels: tuple[Channel, ...]) -> None:
        self._reader.channels = channels

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def read(self, bounds: Bounds, size: tuple[int, int]) -> NDArray[np.uint8]:
        """Return pixels of a box of square pixels; see ``SlideReader.read``."""
        box = (bounds.x, bounds.y, bounds.x + bounds.width, bounds.y + bounds.height)
        return self._reader.read_box(self._original(box), size)

    def read_squares(self, corners: NDArray[np.int64], side: int, pixels: int) -> NDArray[np.uint8]:
        """Return squares of square pixels; see ``SlideReader.read_squares``."""
        out = np.empty((len(corners), pixels, pixels, len(self.channels) or 3), np.uint8)
        for target, (x, y) in zip(out, corners.tolist(), strict=True):
            target[:] = self._reader.read_box(self._original((x, y, x + side, y + side)), (pixels, pixels))
        return out

    def _original(self, box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        left, top, right, bottom = box
        return left / self.stretch.x, top / self.stretch.y, right / self.stretch.x, bottom / self.stretch.y

    def close(self) -> None:
        """Release the file."""
        self._reader.close()


def square_view(reader: Any, resolution: Resolution | None = None) -> SlideReader:
    """Return a view with square pixels: the slide itself where its pixels are square.

    ``resolution`` is what a person entered; without it the file's own counts.
    """
    if resolution is not None:
        reader.resolution = resolution
    known: Resolution | None = getattr(reader, "resolution", None)
    if known is None or known.is_square:
        own: SlideReader = reader
        return own
    return SquareReader(reader, known)


def stretch_of(reader: SlideReader) -> Stretch:
    """Return the factors from level-0 pixels to square pixels of a reader."""
    stretch: Stretch = getattr(reader, "stretch", Stretch())
    return stretch


def square_slide(slide: LabelledSlide, stretch: Stretch) -> LabelledSlide:
    """Return a labelled slide with its shapes and finished regions on the square view."""
    if stretch == Stretch():
        return slide
    shapes = tuple(replace(item, geometry=stretch.shape(item.geometry)) for item in slide.shapes)
    return replace(slide, shapes=shapes, finished=tuple(stretch.shape(region) for region in slide.finished))


@contextmanager
def opened_square(
    open_reader: Callable[[Path], Any], slide: LabelledSlide
) -> Iterator[tuple[SlideReader, LabelledSlide]]:
    """Yield the square view of a labelled slide and its labels there; closes the reader.

    ``open_reader`` opens the file. The resolution that a person entered replaces that of the file. Errors
    hold the name that people gave to the slide.
    """
    with errors_with_names({slide.path.name: slide.shown_name}), open_reader(slide.path) as reader:
        view = square_view(reader, Resolution.of_axes(slide.mpp, slide.mpp_y))
        yield view, square_slide(slide, stretch_of(view))


def predict_square(
    recipe: Any, reader: Any, context: Any, region: BaseGeometry | None = None
) -> Iterator[Prediction]:
    """Predict on the square view of a slide; yields predictions in level-0 pixels.

    ``recipe`` is a ``Recipe``, ``reader`` a slide in level-0 pixels, ``region`` a geometry in those.
    """
    view = square_view(reader)
    stretch = stretch_of(view)
    if stretch == Stretch():
        yield from recipe.predict(view, context, region)
        return
    for prediction in recipe.predict(view, context, None if region is None else stretch.shape(region)):
        yield stretch.original_prediction(prediction)
