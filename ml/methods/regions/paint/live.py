"""Live painting: a head that learns from the marks of the moment, and the cells of a slide by it.

Features of marked cells are kept between calls, so that a stroke costs no more than its own blocks.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import shapely
from cachetools import LRUCache
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from ml.contracts import Bounds, DataError, Dataset, LabelledSlide, SlideReader
from ml.data.cells import Cells, draw_cells, with_thin_marks
from ml.data.regions import UnitMarks, marks_of
from ml.encoders.dense import CELL, DenseEncoder
from ml.encoders.map_scores import MapScores
from ml.encoders.packed_maps import BLOCK
from ml.encoders.stored_maps import Place, StoredMaps
from ml.features.store import FeatureStore
from ml.messages import Message
from ml.methods.regions.paint.info import PaintConfig
from ml.methods.regions.paint.marked import classes_in_block, evenly, stored_maps
from ml.methods.regions.paint.recipe import Paint
from ml.slides import open_as
from ml.slides.resolution import Resolution, square_view, stretch_of
from ml.slides.resolution.square import Stretch, square_slide

# Cells of one class that a head is fitted to, and that are taken from one block.
MOST: Final = 200
MOST_OF_BLOCK: Final = 100
# Cells of one side of the squares that are held out together for calibration.
FOLD_SIDE: Final = 24
# A cell is shown where so much of it is tissue.
LEAST_TISSUE: Final = 0.5
BACKGROUND: Final = 254
NOTHING: Final = 255
HIGHEST: Final = 254
# Blocks that are described before the next ones are painted.
TOGETHER: Final = 6
# Parts are shown so often: seconds, and share of the time that has gone by.
SHOW_SECONDS: Final = 1.0
SHOW_SHARE: Final = 0.05
MOST_SLIDES: Final = 16
# Bytes of features of marked cells.
MOST_BYTES: Final = 512 * 2**20

Report = Callable[[float, Message], None]


@dataclass(frozen=True, slots=True)
class PaintedCells:
    """A part of a slide's grid of cells, whose first cell is at (``row``, ``column``).

    ``classes`` uint8 (rows, columns): number of the label, BACKGROUND, or NOTHING where nothing is painted.
    ``shares`` uint8: calibrated probability of that class times HIGHEST. ``done`` is the share of the slide's
    tissue that is painted; ``is_whole``: this part is the whole slide, and the last one. A cell is ``step``
    by ``step_y`` level-0 pixels.
    """

    row: int
    column: int
    classes: NDArray[np.uint8]
    shares: NDArray[np.uint8]
    done: float
    is_whole: bool
    step: float
    step_y: float


@dataclass(frozen=True, slots=True)
class _OpenSlide:
    """A slide with its stored maps. ``lock``: one at a time describes it."""

    reader: SlideReader
    maps: StoredMaps
    lock: threading.Lock

    @property
    def stretch(self) -> Stretch:
        """Square pixels per level-0 pixel."""
        return stretch_of(self.reader)


class LivePaint:
    """Learn from marks and paint slides, again and again. Safe to use from several threads.

    Slides are opened by ``ml.slides.open_as`` and stay open; their readers may be used by several threads.
    """

    def __init__(
        self, config: PaintConfig, store: FeatureStore, device: str = "cpu", workers: int = 0
    ) -> None:
        self._config, self._store, self._workers = config, store, workers
        self._encoder = DenseEncoder(config.encoder, device)
        self._lock = threading.Lock()
        self._slides: LRUCache[tuple[str, Resolution | None], _OpenSlide] = LRUCache(MOST_SLIDES)
        self._tables: LRUCache[tuple[str, float, Place, bytes], Cells] = LRUCache(MOST_BYTES, _bytes_of)

    def learn(self, dataset: Dataset, open_slide: LabelledSlide, report: Report) -> Paint:
        """Fit the recipe to the marks on all slides of a dataset, and return it.

        On ``open_slide`` what is not described yet is described; other slides teach where they are described.
        Raises DataError(``no_labels``, ``one_class_only``).
        """
        tables = [
            cells
            for slide in dataset.slides
            for cells in self._marked(slide, dataset, report, describe=slide.content == open_slide.content)
        ]
        if not tables:
            message = Message("nothing_marked_yet")
            raise DataError(message, code="no_labels")
        recipe = Paint.build(
            dataset.labels, {"encoder": self._config.encoder, "penalty": self._config.penalty}
        )
        recipe.learn(draw_cells(tables, MOST, seed=0), seed=0)
        return recipe

    def paint(
        self, recipe: Paint, slide: LabelledSlide, view: Bounds, report: Report
    ) -> Iterator[PaintedCells]:
        """Yield the cells of a slide, those of the view first; the last part is the whole slide.

        ``report`` is called often, and may raise CancelledError.
        """
        opened = self._opened(slide)
        maps, stretch = opened.maps, opened.stretch
        matrix, offset = recipe.head.weights()
        scores = MapScores(maps, matrix)
        seen, others = _ordered(maps, stretch.shape(_box(view)))
        grid = _Grid(maps, stretch)
        total = max(1, len(seen) + len(others))
        began = shown = time.monotonic()
        groups = [
            *([seen] if seen else []),
            *(others[n : n + TOGETHER] for n in range(0, len(others), TOGETHER)),
        ]
        painted = 0
        for number, places in enumerate(groups):
            self._describe(opened, maps.with_neighbours(places), report)
            for place in places:
                report(painted / total, Message("painting_slide"))
                numbers, shares = _judged(recipe, scores.block(place) + offset)
                grid.take(place, numbers, shares)
                painted += 1
            scores.keep([place for group in groups[number + 1 :] for place in group])
            now = time.monotonic()
            if (number == 0 and len(groups) > 1) or now - shown > max(
                SHOW_SECONDS, SHOW_SHARE * (now - began)
            ):
                shown = now
                yield grid.changed(painted / total)
        yield grid.whole()

    def describe(self, slide: LabelledSlide, view: Bounds, report: Report) -> None:
        """Describe a slide in advance, what the view shows first."""
        opened = self._opened(slide)
        seen, others = _ordered(opened.maps, opened.stretch.shape(_box(view)))
        self._describe(opened, opened.maps.with_neighbours(seen), report)
        self._describe(opened, others, report)

    def _marked(
        self, slide: LabelledSlide, dataset: Dataset, report: Report, *, describe: bool
    ) -> Iterator[Cells]:
        opened = self._opened(slide)
        maps = opened.maps
        marked = with_thin_marks(square_slide(slide, opened.stretch), CELL * maps.scale)
        for marks in marks_of(marked, dataset, ("all",)):
            for place, local in _by_block(maps, marks):
                around = maps.with_neighbours([place])
                if maps.missing(around):
                    if not describe:
                        continue
                    self._describe(opened, around, report)
                cells = self._cells(slide.content, maps, place, local, len(dataset.labels))
                if len(cells.classes):
                    yield cells

    def _cells(self, content: str, maps: StoredMaps, place: Place, marks: UnitMarks, labels: int) -> Cells:
        """Return some labelled cells of a block; the unit of each is a square of FOLD_SIDE cells."""
        key = (content, maps.scale, place, _digest(marks))
        with self._lock:
            if key in self._tables:
                return self._tables[key]
        classes = classes_in_block(marks, place, maps.scale, labels, self._config)
        chosen = np.zeros(classes.shape, dtype=bool)
        random = np.random.default_rng(0)
        for value in np.unique(classes[classes >= 0]):
            at = random.permutation(np.flatnonzero(classes == value))[:MOST_OF_BLOCK]
            chosen.flat[at] = True
        rows, columns = (index // FOLD_SIDE for index in np.nonzero(chosen))
        units = [f"{content[:16]}-{place}-{r}-{c}" for r, c in zip(rows, columns, strict=True)]
        features = (
            maps.features(place, chosen) if chosen.any() else np.zeros((0, self._encoder.size), np.float32)
        )
        cells = Cells(features, classes[chosen], np.array(units, dtype=np.str_))
        with self._lock:
            self._tables[key] = cells
        return cells

    def _describe(self, opened: _OpenSlide, places: Sequence[Place], report: Report) -> None:
        """Compute the maps that are not stored, few at a time, so that others take turns."""
        missing = opened.maps.missing(places)

        for start in range(0, len(missing), TOGETHER):

            def tell(done: int, _total: int, start: int = start) -> None:
                text = Message("blocks_described", done=start + done, total=len(missing))
                report(0.0, text)

            with opened.lock:
                opened.maps.compute(missing[start : start + TOGETHER], tell, self._workers)

    def _opened(self, slide: LabelledSlide) -> _OpenSlide:
        resolution = Resolution.of_axes(slide.mpp, slide.mpp_y)
        key = (slide.content, resolution)
        with self._lock:
            if key in self._slides:
                return self._slides[key]
        # Others paint meanwhile; where two open the same slide, the first one counts.
        reader = square_view(open_as(slide.path, ()), resolution)
        maps = stored_maps(reader, slide.content, self._encoder, self._config, self._store)
        opened = _OpenSlide(reader, maps, threading.Lock())
        with self._lock:
            return self._slides.setdefault(key, opened)


class _Grid:
    """The cells of a slide, painted block by block."""

    def __init__(self, maps: StoredMaps, stretch: Stretch) -> None:
        self._maps, self._stretch = maps, stretch
        self._classes = np.full((maps.rows * BLOCK, maps.columns * BLOCK), NOTHING, dtype=np.uint8)
        self._shares = np.zeros_like(self._classes)
        self._changed: list[Place] = []

    def take(self, place: Place, classes: NDArray[np.uint8], shares: NDArray[np.uint8]) -> None:
        """Take the cells of a block; those of little tissue stay empty."""
        ys, xs = (slice(each * BLOCK, (each + 1) * BLOCK) for each in place)
        self._classes[ys, xs] = np.where(self._maps.tissue_of_cells(place) >= LEAST_TISSUE, classes, NOTHING)
        self._shares[ys, xs] = shares
        self._changed.append(place)

    def changed(self, done: float) -> PaintedCells:
        """Return the box around what changed since the last call."""
        rows, columns = (np.array(index) for index in zip(*self._changed, strict=True))
        self._changed = []
        box = (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
        return self._part(*box, done=done, is_whole=False)

    def whole(self) -> PaintedCells:
        """Return all cells."""
        return self._part(0, 0, self._maps.rows, self._maps.columns, done=1.0, is_whole=True)

    def _part(
        self, top: int, left: int, bottom: int, right: int, *, done: float, is_whole: bool
    ) -> PaintedCells:
        ys, xs = slice(top * BLOCK, bottom * BLOCK), slice(left * BLOCK, right * BLOCK)
        step = CELL * self._maps.scale
        return PaintedCells(
            int(top) * BLOCK,
            int(left) * BLOCK,
            self._classes[ys, xs].copy(),
            self._shares[ys, xs].copy(),
            done,
            is_whole,
            step / self._stretch.x,
            step / self._stretch.y,
        )


def _judged(recipe: Paint, scores: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the numbers of labels and the shares of cells, of their scores (rows, columns, classes)."""
    shares = recipe.head.calibrated(scores)
    best = shares.argmax(axis=2)
    highest = np.rint(shares.max(axis=2) * HIGHEST).astype(np.uint8)
    numbers = best - 1 if recipe.background else best
    return np.where(numbers < 0, BACKGROUND, numbers).astype(np.uint8), highest


def _ordered(maps: StoredMaps, view: BaseGeometry) -> tuple[list[Place], list[Place]]:
    """Return the blocks with tissue: those in a view, and all others, the nearest to its centre first."""
    tissue = {(int(row), int(column)) for row, column in np.argwhere(maps.on_tissue)}
    centre = np.array([view.centroid.y, view.centroid.x]) / maps.side - 0.5

    def apart(place: Place) -> float:
        return float(((np.array(place) - centre) ** 2).sum())

    seen = tissue & set(maps.touched([view]))
    return sorted(seen, key=apart), sorted(tissue - seen, key=apart)


def _by_block(maps: StoredMaps, marks: UnitMarks) -> Iterator[tuple[Place, UnitMarks]]:
    """Yield some blocks with marks, and the marks that touch each."""
    places = evenly(maps.touched(marks.shapes))
    corners = np.array(places, dtype=float).reshape(-1, 2)[:, ::-1] * maps.side
    frames = shapely.box(*corners.T, *(corners + maps.side).T)
    shapes = marks.shapes
    hits = shapely.STRtree(shapes).query(frames, predicate="intersects") if shapes else np.zeros((2, 0), int)
    for number, place in enumerate(places):
        mine = set(hits[1][hits[0] == number].tolist())
        finished = len(marks.finished)
        yield (
            place,
            replace(
                marks,
                finished=tuple(shape for n, shape in enumerate(marks.finished) if n in mine),
                drawn=tuple(pair for n, pair in enumerate(marks.drawn, start=finished) if n in mine),
            ),
        )


def _bytes_of(cells: Cells) -> int:
    return cells.rows.nbytes + cells.units.nbytes


def _digest(marks: UnitMarks) -> bytes:
    """Return a hash of the marks in a block."""
    found = hashlib.sha256()
    for number, shape in [*((0, each) for each in marks.finished), *((n, each) for each, n in marks.drawn)]:
        found.update(f"{number}:".encode() + shape.wkb)
    return found.digest()


def _box(bounds: Bounds) -> BaseGeometry:
    box: BaseGeometry = shapely.box(bounds.x, bounds.y, bounds.x + bounds.width, bounds.y + bounds.height)
    return box
