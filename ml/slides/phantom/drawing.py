"""Renderer of a phantom: stain amounts per pixel, then Beer and Lambert's law."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from scipy import ndimage
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from ml.contracts import Bounds
from ml.slides.phantom.chance import Numbers
from ml.slides.phantom.layout import Layout, polygons_of
from ml.slides.phantom.nuclei import EPITHELIAL, KINDS, glands_in, nuclei_in

Plane = NDArray[np.float32]

CHUNK = (256, 1024)
PERIOD = 1024
# Optical density of one unit of stain in red, green, blue; Macenko's reference vectors.
HAEMATOXYLIN = (0.5626, 0.7201, 0.4062)
EOSIN = (0.2159, 0.8012, 0.5581)
INKS = {"green": (1.9, 0.45, 1.05), "blue": (2.0, 1.15, 0.25)}
GLASS, STROMA, TUMOUR, GLAND, LUMEN = range(5)
EOSIN_OF = np.array([0.0, 0.42, 0.34, 0.40, 0.03], np.float32)
HAEMATOXYLIN_OF = np.array([0.0, 0.04, 0.14, 0.30, 0.02], np.float32)
FIBRES_OF = np.array([0.0, 0.17, 0.12, 0.05, 0.01], np.float32)
# Haematoxylin of the nuclei by kind, and of the pale middle of the epithelial ones, times 100.
NUCLEUS_STAIN = (118, 190, 150)
NUCLEUS_MIDDLE = 82
BLUR_UM = 2.5
LAMP = 246.0


@dataclass(frozen=True)
class Textures:
    """Periodic noise, float32 (PERIOD, PERIOD), zero mean and unit variance."""

    fibres: Plane
    grain: Plane

    @classmethod
    def drawn(cls, seed: int, mpp: float) -> Textures:
        """Return the textures of a seed."""
        rng = np.random.default_rng([seed, 2])
        fibres = noise(rng, along=14.0 / mpp, across=0.9 / mpp)
        fibres = fibres + 0.7 * noise(rng, along=45.0 / mpp, across=4.0 / mpp)
        grain = noise(rng, along=0.35 / mpp, across=0.35 / mpp)
        return cls((fibres / fibres.std()).astype(np.float32), grain)


def noise(rng: np.random.Generator, *, along: float, across: float) -> Plane:
    """Return periodic Gaussian noise, smoothed over ``along`` px in x and ``across`` px in y."""
    white = np.fft.rfft2(rng.standard_normal((PERIOD, PERIOD)))
    fy = np.fft.fftfreq(PERIOD)[:, None]
    fx = np.fft.rfftfreq(PERIOD)[None, :]
    white *= np.exp(-2 * np.pi**2 * ((along * fx) ** 2 + (across * fy) ** 2))
    smooth = np.fft.irfft2(white, s=(PERIOD, PERIOD))
    result: Plane = ((smooth - smooth.mean()) / smooth.std()).astype(np.float32)
    return result


class Drawing:
    """Renderer of any box of one phantom. Chunks have fixed places, so a box always looks the same."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._textures = Textures.drawn(layout.seed, layout.mpp)
        self._tissue_parts = [*layout.stroma, *layout.tumours]
        self._blur_margin = int(np.ceil(4 * BLUR_UM / layout.mpp))
        self._glands_reach = layout.tumours

    def draw(self, bounds: Bounds) -> NDArray[np.uint8]:
        """Return RGB (height, width, 3) uint8 of ``bounds``, which must be on the slide."""
        out = np.empty((bounds.height, bounds.width, 3), np.uint8)
        right, bottom = bounds.x + bounds.width, bounds.y + bounds.height
        tall, wide = CHUNK
        for top in range(bounds.y // tall * tall, bottom, tall):
            for left in range(bounds.x // wide * wide, right, wide):
                chunk = self._chunk(left, top)
                y0, y1 = max(top, bounds.y), min(top + tall, bottom)
                x0, x1 = max(left, bounds.x), min(left + wide, right)
                part = chunk[y0 - top : y1 - top, x0 - left : x1 - left]
                out[y0 - bounds.y : y1 - bounds.y, x0 - bounds.x : x1 - bounds.x] = part
        return out

    def _chunk(self, left: int, top: int) -> NDArray[np.uint8]:
        tall, wide = CHUNK
        box = shapely.box(left, top, left + wide, top + tall)
        shapes = {kind: shape for kind, shape in self.layout.artefacts if shape.intersects(box)}
        margin = self._blur_margin if "blur" in shapes else 2
        view = View(left - margin, top - margin, wide + 2 * margin, tall + 2 * margin)
        image = Image.fromarray(self._stained(view, shapes)).filter(ImageFilter.BoxBlur(0.6))
        pixels = np.asarray(image)
        if "blur" in shapes:
            pixels = self._defocused(pixels, view.mask([(shapes["blur"], 1)]))
        return pixels[margin:-margin, margin:-margin]

    def _defocused(self, pixels: NDArray[np.uint8], where: NDArray[np.uint8]) -> NDArray[np.uint8]:
        sigma = BLUR_UM / self.layout.mpp
        soft = ndimage.gaussian_filter(pixels.astype(np.float32), (sigma, sigma, 0), truncate=3)
        return np.where(where[..., None] > 0, soft.round().astype(np.uint8), pixels)

    def _stained(self, view: View, artefacts: dict[str, Polygon]) -> NDArray[np.uint8]:
        layout = self.layout
        outer = view.box()
        pen = view.mask([(artefacts["pen"], 1)]) if "pen" in artefacts else None
        if not layout.tissue.intersects(outer):
            empty = np.zeros((view.height, view.width), np.float32)
            return self._expose(view, empty, empty, pen)
        tissue = self._tissue_kinds(view, outer)
        haematoxylin, eosin = self._ground(view, tissue)
        stain = self._nuclear_stain(view)
        if stain is not None:
            nuclear = stain.astype(np.float32) * np.float32(0.01)
            texture = 1 + np.float32(0.13) * self._wrapped(self._textures.grain, view, 3)
            eosin *= np.where(stain > 0, np.float32(0.45), np.float32(1))
            haematoxylin = np.where(stain > 0, nuclear * texture, haematoxylin)
        if "fold" in artefacts:
            thick = 1 + np.float32(1.1) * view.mask([(artefacts["fold"], 1)])
            haematoxylin *= thick
            eosin *= thick
        return self._expose(view, haematoxylin, eosin, pen)

    def _tissue_kinds(self, view: View, outer: BaseGeometry) -> NDArray[np.uint8]:
        layout = self.layout
        shapes: list[tuple[BaseGeometry, int]] = [(layout.tissue, STROMA)]
        shapes += [(shape, TUMOUR) for shape in layout.tumours]
        if not layout.gland_area.intersects(outer.buffer(64 / layout.mpp)):
            return view.mask(shapes)
        image = Image.fromarray(view.mask(shapes))
        pen = ImageDraw.Draw(image)
        glands = glands_in(layout, *outer.bounds)
        angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        reach = glands.reach(angle)
        unit = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        middle = np.stack([glands.x - view.left, glands.y - view.top], axis=1)
        for share, kind in ((1.0, GLAND), (0.36, LUMEN)):
            rings = middle[:, None] + share * reach[..., None] * unit
            for ring in rings.reshape(len(rings), 2 * rings.shape[1]).tolist():
                pen.polygon(ring, fill=kind)
        return np.asarray(image)

    def _ground(self, view: View, tissue: NDArray[np.uint8]) -> tuple[Plane, Plane]:
        """Return haematoxylin and eosin of fibres, cytoplasm and clefts, without nuclei."""
        x, y = view.axes()
        bend = self.layout.warp.grid(x, y)
        # Truncation after adding whole periods is a floor, and the mask makes it periodic.
        lines = (bend + y.astype(np.float32)[:, None]).astype(np.int32) & (PERIOD - 1)
        columns = (x.astype(np.int32) & (PERIOD - 1))[None, :]
        fibres = self._textures.fibres[lines, columns]
        strength = FIBRES_OF[tissue]
        eosin = EOSIN_OF[tissue] * (1 + self.layout.depth.grid(x, y))
        eosin += strength * fibres
        # Clefts between bundles: where fibres are thin, the stroma opens to glass.
        cleft = np.clip((-fibres - np.float32(1.35)) * 2, 0, 1)
        eosin *= 1 - cleft * (strength > FIBRES_OF[GLAND])
        haematoxylin = HAEMATOXYLIN_OF[tissue]
        haematoxylin *= 1 + np.float32(0.35) * self._wrapped(self._textures.grain, view, 1)
        return haematoxylin, np.maximum(eosin, 0, out=eosin)

    def _nuclear_stain(self, view: View) -> NDArray[np.uint8] | None:
        reach = int(np.ceil(7 / self.layout.mpp))
        around = Bounds(view.left - reach, view.top - reach, view.width + 2 * reach, view.height + 2 * reach)
        nuclei = nuclei_in(self.layout, around)
        if len(nuclei.kind) == 0:
            return None
        image = Image.new("L", (view.width, view.height), 0)
        pen = ImageDraw.Draw(image)
        # Pillow takes whole numbers as the centres of pixels.
        offset = np.array([view.left + 0.5, view.top + 0.5])
        rings = (nuclei.rings - offset).reshape(len(nuclei.kind), 2 * nuclei.rings.shape[1])
        for kind in range(len(KINDS)):
            for ring in rings[nuclei.kind == kind].tolist():
                pen.polygon(ring, fill=NUCLEUS_STAIN[kind])
        pale = nuclei.kind == EPITHELIAL
        middle = np.stack([nuclei.x, nuclei.y], axis=1)[pale][:, None]
        inner = middle + (nuclei.rings[pale] - middle) * 0.66 - offset
        for ring in inner.reshape(len(inner), 2 * inner.shape[1]).tolist():
            pen.polygon(ring, fill=NUCLEUS_MIDDLE)
        return np.asarray(image)

    def _wrapped(self, texture: Plane, view: View, turn: int) -> Plane:
        """Return ``view`` cut from a periodic texture; ``turn`` decouples uses of the same texture."""
        rows = (np.arange(view.height) + view.top + 311 * turn) % PERIOD
        columns = (np.arange(view.width) + view.left + 173 * turn) % PERIOD
        return texture[rows[:, None], columns[None, :]]

    def _expose(
        self, view: View, haematoxylin: Plane, eosin: Plane, pen: NDArray[np.uint8] | None
    ) -> NDArray[np.uint8]:
        grain = self._wrapped(self._textures.grain, view, 5)
        out = np.empty((view.height, view.width, 3), np.uint8)
        if pen is not None:
            ink = pen * (1 + np.float32(0.08) * grain)
            haematoxylin, eosin = (plane * (1 - 0.6 * pen) for plane in (haematoxylin, eosin))
        for channel in range(3):
            density = haematoxylin * np.float32(-HAEMATOXYLIN[channel])
            density -= eosin * np.float32(EOSIN[channel])
            if pen is not None:
                density -= ink * np.float32(INKS[self.layout.ink][channel])
            np.exp(density, out=density)
            density *= np.float32(LAMP)
            density += np.float32(1.2) * grain
            out[..., channel] = np.clip(density, 0, 255, out=density)
        return out


@dataclass(frozen=True)
class View:
    """A box of pixels in which shapes are rasterised."""

    left: int
    top: int
    width: int
    height: int

    def box(self) -> BaseGeometry:
        """Return the view as a polygon."""
        return shapely.box(self.left, self.top, self.left + self.width, self.top + self.height)

    def axes(self) -> tuple[Numbers, Numbers]:
        """Return the centres of its columns and rows."""
        columns = np.arange(self.left, self.left + self.width, dtype=np.float64)
        rows = np.arange(self.top, self.top + self.height, dtype=np.float64)
        return columns + 0.5, rows + 0.5

    def mask(self, shapes: list[tuple[BaseGeometry, int]]) -> NDArray[np.uint8]:
        """Return uint8 (height, width): the value of the last shape without holes over a pixel."""
        image = Image.new("L", (self.width, self.height), 0)
        pen = ImageDraw.Draw(image)
        outer = self.box().buffer(8, join_style="mitre")
        for shape, value in shapes:
            if not shape.intersects(outer):
                continue
            for part in polygons_of(shapely.intersection(shape, outer)):
                ring = shapely.get_coordinates(part.exterior) - (self.left + 0.5, self.top + 0.5)
                pen.polygon(ring.ravel().tolist(), fill=value)
        return np.asarray(image)
