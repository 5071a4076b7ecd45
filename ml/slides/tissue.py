"""Tissue detection on slides."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry
from skimage.filters import threshold_otsu
from skimage.morphology import remove_small_holes, remove_small_objects

from ml.contracts import Bounds, SlideReader
from ml.slides.quality.colour import hue_saturation_value, pen_pixels

SATURATION_LIMITS = (0.05, 0.12)
DENSITY_LIMIT = 0.04
SIGNAL_LIMITS = (0.04, 0.12)
SIGNAL_CELL = 16.0
SPECK_SHARE = 2e-4
# Boxes that are measured at once: there may be millions.
TOGETHER = 1 << 16


@dataclass(frozen=True)
class TissueMask:
    """A grid of cells over the slide: ``mask`` bool (rows, columns), ``step`` level-0 px a cell.

    ``width`` and ``height`` are those of the slide, so that shares count only the slide itself.
    """

    mask: NDArray[np.bool_]
    step: float
    width: int
    height: int

    def fraction(self) -> float:
        """Return the share of the slide that is tissue, 0..1."""
        return self.share_of(Bounds(0, 0, self.width, self.height))

    def share_of(self, bounds: Bounds) -> float:
        """Return the share of the part of ``bounds`` on the slide that is tissue, 0..1."""
        right, bottom = bounds.x + bounds.width, bounds.y + bounds.height
        return float(self.shares(np.array([[bounds.x, bounds.y, right, bottom]]))[0])

    def shares(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ``share_of`` many boxes (n, 4) = (xmin, ymin, xmax, ymax) as float64 (n,)."""
        parts = [self._shares(boxes[start : start + TOGETHER]) for start in range(0, len(boxes), TOGETHER)]
        return np.concatenate([np.zeros(0), *parts])

    def _shares(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        x0, x1 = (np.clip(boxes[:, i], 0, self.width) for i in (0, 2))
        y0, y1 = (np.clip(boxes[:, i], 0, self.height) for i in (1, 3))
        area = (x1 - x0) * (y1 - y0) / self.step**2
        u0, u1, v0, v1 = x0 / self.step, x1 / self.step, y0 / self.step, y1 / self.step
        inside = self._sum(u1, v1) - self._sum(u0, v1) - self._sum(u1, v0) + self._sum(u0, v0)
        share = np.divide(inside, area, out=np.zeros_like(area), where=area > 0)
        return np.clip(share, 0.0, 1.0)

    @cached_property
    def _integral(self) -> NDArray[np.float64]:
        rows, columns = self.mask.shape
        table = np.zeros((rows + 1, columns + 1))
        table[1:, 1:] = self.mask.cumsum(0).cumsum(1)
        return table

    def _sum(self, u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the tissue cells left of and above (u, v), linear between corners, so exact for any box."""
        rows, columns = self.mask.shape
        i = np.clip(np.floor(v).astype(np.intp), 0, rows - 1)
        j = np.clip(np.floor(u).astype(np.intp), 0, columns - 1)
        a, b = np.clip(v - i, 0, 1), np.clip(u - j, 0, 1)
        table = self._integral
        upper = table[i, j] * (1 - b) + table[i, j + 1] * b
        lower = table[i + 1, j] * (1 - b) + table[i + 1, j + 1] * b
        result: NDArray[np.float64] = upper * (1 - a) + lower * a
        return result

    def polygons(self) -> list[Polygon]:
        """Return the outlines of the tissue in level-0 pixels, holes included, largest first."""
        edges = np.diff(np.pad(self.mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
        rows, starts = np.nonzero(edges == 1)
        ends = np.nonzero(edges == -1)[1]
        boxes = shapely.box(starts, rows, ends, rows + 1)
        whole = shapely.simplify(shapely.union_all(boxes), 1.0)
        scaled = shapely.transform(whole, lambda xy: xy * self.step)
        inside = shapely.make_valid(scaled.intersection(shapely.box(0, 0, self.width, self.height)))
        parts = shapely.get_parts(inside)
        polygons = [part for part in parts if isinstance(part, Polygon) and not part.is_empty]
        return sorted(polygons, key=lambda part: -part.area)

    def overlaps(self, geometry: BaseGeometry) -> float:
        """Return the share 0..1 of ``geometry`` on tissue, by cell centres.

        A shape too small to hold a cell's centre, a point or a line is judged by one point on it.
        """
        xmin, ymin, xmax, ymax = geometry.bounds
        rows, columns = self.mask.shape
        j0, j1 = max(0, int(xmin // self.step)), min(columns, math.ceil(xmax / self.step))
        i0, i1 = max(0, int(ymin // self.step)), min(rows, math.ceil(ymax / self.step))
        if isinstance(geometry, Polygon | MultiPolygon) and j1 > j0 and i1 > i0:
            x = (np.arange(j0, j1) + 0.5) * self.step
            y = (np.arange(i0, i1) + 0.5) * self.step
            shapely.prepare(geometry)
            covered = shapely.contains_xy(geometry, x[None, :], y[:, None])
            if covered.any():
                return float(self.mask[i0:i1, j0:j1][covered].mean())
        point = geometry.representative_point()
        i, j = int(point.y // self.step), int(point.x // self.step)
        return float(0 <= i < rows and 0 <= j < columns and self.mask[i, j])


def tissue_mask(reader: SlideReader, longest: int = 1024) -> TissueMask:
    """Return stained tissue, or signal in any channel, on a thumbnail of ``longest`` cells a side.

    Saturation above Otsu's threshold, which is held within limits so that a slide that is all
    tissue, or all glass, is not cut in two (as Slideflow and CLAM do on their thumbnails); pen ink
    is no tissue; specks and pinholes are closed.
    """
    # Nuclei shine apart from each other: averaged over a cell, what lies between them is tissue too.
    step = max(SIGNAL_CELL if reader.channels else 1.0, max(reader.width, reader.height) / longest)
    columns, rows = math.ceil(reader.width / step), math.ceil(reader.height / step)
    bounds = Bounds(0, 0, round(columns * step), round(rows * step))
    pixels = reader.read(bounds, (columns, rows))
    mask = signal_pixels(pixels) if reader.channels else tissue_pixels(pixels)
    return TissueMask(mask=mask, step=step, width=reader.width, height=reader.height)


def signal_pixels(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return a mask (h, w) of signal in any channel of a thumbnail (h, w, channels).

    Otsu's threshold on the brightest channel, held within limits as that of saturation is.
    """
    brightest = ndimage.median_filter(pixels.max(axis=2), size=3).astype(np.float32) / 255
    otsu = float(threshold_otsu(brightest)) if np.ptp(brightest) > 0 else SIGNAL_LIMITS[0]
    mask = brightest > min(max(otsu, SIGNAL_LIMITS[0]), SIGNAL_LIMITS[1])
    return _without_specks(mask)


def tissue_pixels(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return a mask (h, w) of the tissue of an RGB thumbnail (h, w, 3)."""
    ink = pen_pixels(pixels)
    saturation = ndimage.median_filter(hue_saturation_value(pixels)[1], size=3)
    red, green, blue = (pixels[..., k].astype(np.float32) for k in range(3))
    density = -np.log10(((red + green + blue) / np.float32(3) + 1) / 256)
    low, high = SATURATION_LIMITS
    clean = saturation[~ink]
    otsu = float(threshold_otsu(clean)) if clean.size and np.ptp(clean) > 0 else low
    threshold = min(max(otsu, low), high)
    mask = (saturation > threshold) & (density > DENSITY_LIMIT)
    mask &= ~ndimage.binary_dilation(ink, iterations=2) if ink.any() else True
    return _without_specks(mask) & ~ink


def _without_specks(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a mask without specks and pinholes."""
    mask = ndimage.binary_closing(np.pad(mask, 2), np.ones((3, 3)), iterations=2)[2:-2, 2:-2]
    speck = max(4, int(mask.size * SPECK_SHARE))
    mask = remove_small_objects(mask, max_size=speck)
    result: NDArray[np.bool_] = remove_small_holes(mask, max_size=speck)
    return result
