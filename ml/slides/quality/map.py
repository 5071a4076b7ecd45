"""Map of artefacts on a slide: pen, fold, air bubble, out of focus; and of the usable area.

Rules, not learned: a fold is tissue twice as dense and more coloured than its surroundings; a bubble is a
round, flat area behind a dark ring; pen has hues that stains do not have; focus is measured on a sample of
every cell at full resolution. Kanwal et al. (2022) name the classes, HistoQC (Janowczyk et al., JCO CCI
2019) the kind of rules.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from shapely.geometry import mapping

from ml.contracts import Bounds, HeatMap, SlideReader
from ml.slides.quality.colour import hue_saturation_value, pen_pixels
from ml.slides.quality.focus import blur_score
from ml.slides.resolution.square import Stretch
from ml.slides.tissue import tissue_pixels

CLASSES: Final = ("glass", "tissue", "pen", "fold", "bubble", "blur")
GLASS, TISSUE, PEN, FOLD, BUBBLE, BLUR = range(6)
LONGEST: Final = 1536
# The thumbnail is never finer than this, or single glands would look like folds: µm, and pixels without µm.
FINEST_UM: Final = 1.33
FINEST: Final = 2.67
# Pixels of the thumbnail per cell of the map.
GRAIN: Final = 4
FOCUS_SIDE: Final = 64
MOST_FOCUS: Final = 4096
SHARP: Final = 0.5
# The blur score at which a sample counts as half sharp: sharp tissue has 2 to 5, blurred by 1.5 px above 5.5.
HALF_SHARP: Final = 5.5
MOST_OF_CELL: Final = 0.4
# How many times as dense as usual, and how much more coloured: where a fold is seen first, and then around
# it.
SURELY_FOLDED: Final = (1.6, 0.22)
FOLDED: Final = (1.3, 0.14)
WIDE: Final = 30
LONGER: Final = 5
SHORTEST_FOLD: Final = 25
ROUND: Final = 0.6
FLAT: Final = 4.0
DARKER: Final = 12.0
SMALLEST_BUBBLE: Final = 120
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class QualityMap:
    """``classes`` uint8 (rows, columns) index ``CLASSES``; ``focus`` float32, NaN where not measured.

    Cell (r, c) is ``step`` by ``step_y`` level-0 pixels from the corner (c * step, r * step_y); ``step_y``
    None stands for ``step``.
    """

    classes: NDArray[np.uint8]
    focus: NDArray[np.float32]
    step: float
    step_y: float | None = None

    @property
    def _cell(self) -> tuple[float, float]:
        return self.step, self.step if self.step_y is None else self.step_y

    def original(self, stretch: Stretch) -> QualityMap:
        """Return a map of the square view of a slide in level-0 pixels."""
        width, height = self._cell
        return replace(self, step=width / stretch.x, step_y=height / stretch.y)

    def shares(self) -> dict[str, float]:
        """Return the share of each class: glass of the whole slide, the others of the area without glass."""
        count = np.bincount(self.classes.ravel(), minlength=len(CLASSES))
        covered = max(1, int(count[1:].sum()))
        return {
            name: float(count[k] / (count.sum() if k == GLASS else covered)) for k, name in enumerate(CLASSES)
        }

    def usable(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the share (n,) of each box (n, 4) = (xmin, ymin, xmax, ymax) without any artefact."""
        bad = self.classes >= PEN
        table = np.zeros((bad.shape[0] + 1, bad.shape[1] + 1))
        table[1:, 1:] = bad.cumsum(0).cumsum(1)
        left, right = (np.clip(boxes[:, i] / self._cell[0], 0, bad.shape[1]) for i in (0, 2))
        top, bottom = (np.clip(boxes[:, i] / self._cell[1], 0, bad.shape[0]) for i in (1, 3))
        x0, y0 = np.floor(left).astype(int), np.floor(top).astype(int)
        x1, y1 = np.ceil(right).astype(int), np.ceil(bottom).astype(int)
        inside = table[y1, x1] - table[y0, x1] - table[y1, x0] + table[y0, x0]
        shares: NDArray[np.float64] = 1 - inside / np.maximum((x1 - x0) * (y1 - y0), 1)
        return shares

    def heat_maps(self) -> tuple[HeatMap, HeatMap]:
        """Return the overlays: artefacts (1 where there is one, NaN on glass), and focus."""
        bad = np.where(self.classes == GLASS, np.nan, self.classes >= PEN).astype(np.float32)
        return (
            HeatMap("artefact", None, 0.0, 0.0, self.step, bad, self.step_y),
            HeatMap("focus", None, 0.0, 0.0, self.step, self.focus, self.step_y),
        )

    def polygons(self) -> list[tuple[str, shapely.Polygon]]:
        """Return (class, outline in level-0 pixels) of each artefact."""
        outlines = []
        for number in range(PEN, len(CLASSES)):
            rows, columns = np.nonzero(self.classes == number)
            whole = shapely.union_all(shapely.box(columns, rows, columns + 1, rows + 1))
            scaled = shapely.transform(whole, lambda xy: xy * np.array(self._cell))
            outlines += [
                (CLASSES[number], part)
                for part in shapely.get_parts(scaled)
                if isinstance(part, shapely.Polygon)
            ]
        return outlines

    def geojson(self) -> dict[str, Any]:
        """Return the artefacts as a FeatureCollection as QuPath writes it."""
        features = [
            {
                "type": "Feature",
                "geometry": mapping(shape),
                "properties": {"objectType": "annotation", "classification": {"name": name}},
            }
            for name, shape in self.polygons()
        ]
        return {"type": "FeatureCollection", "features": features}


def quality_map(reader: SlideReader) -> QualityMap:
    """Return the quality map of a slide: pen, folds and bubbles by a thumbnail, focus by full-size samples.

    Time and memory are bounded whatever the slide's size: at most 4096 samples of 64 x 64 pixels. Raises
    SlideError(``unreadable``) where the file is damaged.
    """
    finest = FINEST_UM / reader.mpp if reader.mpp else FINEST
    scale = max(finest, max(reader.width, reader.height) / LONGEST)
    columns, rows = (math.ceil(n / scale / GRAIN) * GRAIN for n in (reader.width, reader.height))
    bounds = Bounds(0, 0, round(columns * scale), round(rows * scale))
    pixels = reader.read(bounds, (columns, rows))
    layers = artefact_pixels(pixels)
    shares = {name: _cells(mask) for name, mask in layers.items()}
    focus = _focus(reader, shares["tissue"] > 0, scale * GRAIN)
    classes = np.where(shares["tissue"] > MOST_OF_CELL, TISSUE, GLASS).astype(np.uint8)
    classes[(classes == TISSUE) & (focus < SHARP)] = BLUR
    for name, number in (("fold", FOLD), ("bubble", BUBBLE), ("pen", PEN)):
        classes[shares[name] > MOST_OF_CELL] = number
    return QualityMap(classes, focus, scale * GRAIN)


def artefact_pixels(pixels: NDArray[np.uint8]) -> dict[str, Mask]:
    """Return masks (h, w) of ``tissue``, ``pen``, ``fold`` and ``bubble`` of an RGB thumbnail (h, w, 3)."""
    pen = ndimage.binary_opening(pen_pixels(pixels), np.ones((2, 2)))
    pen = ndimage.binary_closing(pen, np.ones((3, 3)), iterations=2)
    tissue = tissue_pixels(pixels) & ~pen
    return {
        "tissue": tissue,
        "pen": pen,
        "fold": fold_pixels(pixels, tissue),
        "bubble": bubble_pixels(pixels, pen),
    }


def fold_pixels(pixels: NDArray[np.uint8], tissue: Mask) -> Mask:
    """Return a mask (h, w) of folds: denser, and more coloured for its lightness, than usual tissue."""
    if not tissue.any():
        return np.zeros(tissue.shape, dtype=bool)
    channels = [ndimage.gaussian_filter(pixels[..., i].astype(np.float32), 2.5) for i in range(3)]
    smooth = np.stack(channels, axis=2)
    density = -np.log10((smooth.mean(axis=2) + 1) / 256)
    _, saturation, value = hue_saturation_value(np.rint(smooth).astype(np.uint8))
    colour = saturation - value
    denser = density / max(1e-6, float(np.median(density[tissue])))
    coloured = colour - np.median(colour[tissue])
    inside = ndimage.gaussian_filter(tissue.astype(np.float32), WIDE)
    usual = ndimage.gaussian_filter(np.where(tissue, density, 0), WIDE) / np.maximum(inside, 1e-3)
    sure, likely = (
        tissue & (denser > dense) & (density > dense * usual) & (coloured > colourful)
        for dense, colourful in (SURELY_FOLDED, FOLDED)
    )
    mask = ndimage.binary_dilation(sure, mask=likely, iterations=4)
    return _long(ndimage.binary_closing(mask, np.ones((3, 3)), iterations=2) & tissue)


def _long(mask: Mask) -> Mask:
    """Return the long and narrow areas: folds are lines, unlike glands and clusters."""
    areas, count = ndimage.label(mask, np.ones((3, 3)))
    depth = ndimage.distance_transform_edt(mask)
    numbers = np.arange(1, count + 1)
    area = ndimage.sum_labels(mask, areas, numbers)
    half_width = np.maximum(ndimage.maximum(depth, areas, numbers), 1) if count else np.ones(0)
    length = area / (2 * half_width)
    kept = np.concatenate([[False], (length > LONGER * half_width) & (length > SHORTEST_FOLD)])
    long: Mask = kept[areas]
    return long


def bubble_pixels(pixels: NDArray[np.uint8], pen: Mask) -> Mask:
    """Return a mask (h, w) of air bubbles: round flat areas enclosed by a dark ring."""
    gray = ndimage.gaussian_filter(pixels.astype(np.float32).mean(axis=2), 1.0)
    mean = ndimage.uniform_filter(gray, 7)
    spread = np.sqrt(np.maximum(ndimage.uniform_filter(gray**2, 7) - mean**2, 0))
    areas, _ = ndimage.label((spread < FLAT) & ~pen)
    bubbles = np.zeros(gray.shape, dtype=bool)
    for number, place in enumerate(ndimage.find_objects(areas), start=1):
        wide = tuple(slice(max(0, side.start - 16), side.stop + 16) for side in place)
        mask = ndimage.binary_fill_holes(areas[wide] == number)
        if (
            mask.sum() < SMALLEST_BUBBLE
            or mask[0].any()
            or mask[-1].any()
            or mask[:, 0].any()
            or mask[:, -1].any()
        ):
            continue
        edge = mask & ~ndimage.binary_erosion(mask)
        roundness = 4 * np.pi * mask.sum() / max(1.0, float(edge.sum()) * 1.1) ** 2
        ring = ndimage.binary_dilation(mask, iterations=7) & ~ndimage.binary_dilation(mask, iterations=1)
        around = ndimage.binary_dilation(mask, iterations=14) & ~ndimage.binary_dilation(mask, iterations=9)
        dark = np.percentile(gray[wide][ring], 25)
        beside = np.median(gray[wide][around]) if around.any() else 255.0
        if roundness > ROUND and dark < min(gray[wide][mask].mean(), beside) - DARKER:
            bubbles[wide] |= ndimage.binary_dilation(mask, iterations=4)
    return bubbles


def _cells(mask: Mask) -> NDArray[np.float64]:
    rows, columns = mask.shape[0] // GRAIN, mask.shape[1] // GRAIN
    shares: NDArray[np.float64] = mask.reshape(rows, GRAIN, columns, GRAIN).mean(axis=(1, 3))
    return shares


def sharpness(pixels: NDArray[np.uint8]) -> float:
    """Return the sharpness of an RGB sample (h, w, 3), 0 to 1; NaN for a constant sample."""
    return float(1 / (1 + np.exp(2 * (blur_score(pixels) - HALF_SHARP))))


def _focus(reader: SlideReader, tissue: Mask, step: float) -> NDArray[np.float32]:
    """Return focus 0..1 of each cell with tissue, from one sample at full size for each block of cells."""
    block = max(1, round(FOCUS_SIDE / step))
    while -(-tissue.shape[0] // block) * -(-tissue.shape[1] // block) > MOST_FOCUS:
        block *= 2
    focus = np.full(tissue.shape, np.nan, dtype=np.float32)
    for row in range(0, tissue.shape[0], block):
        for column in range(0, tissue.shape[1], block):
            part = tissue[row : row + block, column : column + block]
            if part.mean() < MOST_OF_CELL:
                continue
            y, x = (row + part.shape[0] / 2) * step, (column + part.shape[1] / 2) * step
            place = Bounds(round(x - FOCUS_SIDE / 2), round(y - FOCUS_SIDE / 2), FOCUS_SIDE, FOCUS_SIDE)
            score = sharpness(reader.read(place, (FOCUS_SIDE, FOCUS_SIDE)))
            focus[row : row + block, column : column + block] = np.where(part, score, np.nan)
    return focus
