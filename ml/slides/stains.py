"""Stain normalisation between slides: Macenko, Vahadane and Reinhard, fitted once per slide.

Macenko et al., ISBI (2009); Vahadane et al., IEEE TMI 35(8):1962 (2016), by non-negative factors with a
sparse code; Reinhard et al., IEEE CG&A 21(5):34 (2001). Fitted to the tissue of a whole slide and not to a
tile: a tile may hold one stain only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from skimage.color import lab2rgb, rgb2lab

from ml.contracts import Bounds, DataError, SlideReader
from ml.messages import Message
from ml.slides.reading import thumbnail
from ml.slides.tissue import tissue_pixels

METHODS: Final = ("macenko", "vahadane", "reinhard")
LIGHT: Final = 240.0
PALE: Final = 0.15
ANGLES: Final = (1.0, 99.0)
STRONGEST: Final = 99.0
LEAST_TISSUE: Final = 0.01
THUMBNAIL: Final = 1024
SAMPLE: Final = 20_000
# Densities of haematoxylin and eosin (columns) in red, green, blue, and their 99th percentiles.
REFERENCE: Final = np.array([[0.5626, 0.2159], [0.7201, 0.8012], [0.4062, 0.5581]])
REFERENCE_STRENGTH: Final = np.array([1.9705, 1.0308])
# Means and deviations of L*a*b* of a well-stained H&E slide (the phantoms' without artefacts).
REFERENCE_LAB: Final = np.array([[66.0, 22.0, -15.0], [13.0, 7.0, 7.0]])
SPARSE: Final = 0.02
ROUNDS: Final = 150
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StainFit:
    """Stain vectors and strengths of one slide.

    ``vectors`` (3, 2): densities of haematoxylin and eosin in red, green, blue, each of length one;
    ``strength`` (2,) the 99th percentile of each; ``lab`` (2, 3) mean and deviation of L*a*b* of tissue.
    """

    vectors: Floats
    strength: Floats
    lab: Floats


def reference_fit() -> StainFit:
    """Return the default target stain of the normalisation."""
    return StainFit(REFERENCE, REFERENCE_STRENGTH, REFERENCE_LAB)


def fit_slide(reader: SlideReader, method: str) -> StainFit | None:
    """Return the stain of a slide from a thumbnail; None with less than one percent of tissue."""
    return fit_pixels(thumbnail(reader, THUMBNAIL), method)


def fit_pixels(pixels: NDArray[np.uint8], method: str) -> StainFit | None:
    """Return the stain of RGB pixels (h, w, 3); None with less than one percent of tissue.

    Raises DataError(``unknown_stain_method``).
    """
    if method not in METHODS:
        message = Message("unknown_stain_method", method=method, known=", ".join(METHODS))
        raise DataError(message)
    mask = tissue_pixels(pixels)
    if mask.mean() < LEAST_TISSUE:
        return None
    tissue = pixels[mask]
    if len(tissue) > SAMPLE:
        tissue = tissue[np.linspace(0, len(tissue) - 1, SAMPLE).astype(int)]
    lab = rgb2lab(tissue[None])[0]
    moments = np.stack([lab.mean(axis=0), lab.std(axis=0)])
    density = density_of(tissue)
    strong = density[(density > PALE).all(axis=1)]
    if len(strong) < 2 or not np.ptp(strong, axis=0).any():  # noqa: PLR2004 - a plane needs two points
        return None
    vectors = macenko_vectors(strong)
    if method == "vahadane":
        vectors = sparse_vectors(strong, vectors)
    amounts = np.maximum(np.linalg.lstsq(vectors, density.T, rcond=None)[0], 0)
    strength = np.maximum(np.percentile(amounts, STRONGEST, axis=1), 1e-3)
    return StainFit(vectors, strength, moments)


def density_of(pixels: NDArray[np.uint8]) -> Floats:
    """Return optical densities (..., 3) of RGB bytes."""
    return -np.log((pixels.astype(np.float64) + 1) / LIGHT)


def macenko_vectors(density: Floats) -> Floats:
    """Return the two outermost directions (3, 2) in the plane of most variance of densities (n, 3)."""
    _, axes = np.linalg.eigh(np.cov(density.T))
    plane = axes[:, [2, 1]]
    # Towards positive densities, so that angles do not jump by half a turn.
    plane *= np.where(plane.sum(axis=0) < 0, -1.0, 1.0)
    along = density @ plane
    angles = np.arctan2(along[:, 1], along[:, 0])
    low, high = np.percentile(angles, ANGLES)
    vectors = np.stack([plane @ (np.cos(angle), np.sin(angle)) for angle in (low, high)], axis=1)
    return _ordered(vectors)


def sparse_vectors(density: Floats, start: Floats) -> Floats:
    """Return stain vectors (3, 2) from a sparse non-negative factorisation of the densities.

    Multiplicative updates of || V - W H ||² + sparsity, from Macenko's vectors. Lee and Seung, NIPS (2001).
    """
    pixels = density[np.linspace(0, len(density) - 1, min(len(density), 4000)).astype(int)].T
    factors = np.maximum(start, 1e-3)
    code = np.maximum(np.linalg.lstsq(factors, pixels, rcond=None)[0], 1e-3)
    for _ in range(ROUNDS):
        code *= (factors.T @ pixels) / np.maximum(factors.T @ factors @ code + SPARSE, 1e-9)
        factors *= (pixels @ code.T) / np.maximum(factors @ code @ code.T, 1e-9)
        factors /= np.linalg.norm(factors, axis=0)
    return _ordered(factors)


def _ordered(vectors: Floats) -> Floats:
    """Return unit vectors with haematoxylin, which absorbs more red light, first."""
    vectors = vectors * np.where(vectors.sum(axis=0) < 0, -1.0, 1.0)
    vectors = vectors / np.linalg.norm(vectors, axis=0)
    return vectors if vectors[0, 0] >= vectors[0, 1] else vectors[:, ::-1].copy()


@dataclass(frozen=True, slots=True)
class Normaliser:
    """Stain normaliser of pixels from one stain to another. ``source`` None leaves them unchanged."""

    method: str
    source: StainFit | None
    target: StainFit

    def apply(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return RGB pixels (h, w, 3) in the target's stain."""
        if self.source is None:
            return pixels
        if self.method == "reinhard":
            return self._by_moments(pixels, self.source)
        density = density_of(pixels).reshape(-1, 3).T
        amounts = np.linalg.lstsq(self.source.vectors, density, rcond=None)[0]
        amounts *= (self.target.strength / self.source.strength)[:, None]
        light = LIGHT * np.exp(-(self.target.vectors @ amounts)) - 1
        return np.clip(np.rint(light), 0, 255).astype(np.uint8).T.reshape(pixels.shape)

    def _by_moments(self, pixels: NDArray[np.uint8], source: StainFit) -> NDArray[np.uint8]:
        lab = rgb2lab(pixels)
        scaled = (lab - source.lab[0]) / np.maximum(source.lab[1], 1e-6)
        moved = scaled * self.target.lab[1] + self.target.lab[0]
        # Glass stays glass: what is as light as it and has no colour is no tissue.
        tissue = tissue_weight(lab)[..., None]
        mixed = lab2rgb(lab * (1 - tissue) + moved * tissue)
        recoloured: NDArray[np.uint8] = np.clip(np.rint(mixed * 255), 0, 255).astype(np.uint8)
        return recoloured


def tissue_weight(lab: Floats) -> Floats:
    """Return the tissue weight (h, w) of each pixel, 0..1, from its lightness and colour."""
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    weights: Floats = np.clip(np.maximum((chroma - 3) / 5, (88 - lab[..., 0]) / 8), 0, 1)
    return weights


class NormalisedReader:
    """A slide reader with stain-normalised pixels. Not safe to share between threads."""

    def __init__(self, reader: SlideReader, normaliser: Normaliser) -> None:
        self._reader, self._normaliser = reader, normaliser
        self.path, self.width, self.height = reader.path, reader.width, reader.height
        self.mpp, self.magnification, self.channels = reader.mpp, reader.magnification, reader.channels

    def read(self, bounds: Bounds, size: tuple[int, int]) -> NDArray[np.uint8]:
        """Return normalised RGB pixels; see ``SlideReader.read``."""
        return self._normaliser.apply(self._reader.read(bounds, size))

    def read_squares(self, corners: NDArray[np.int64], side: int, pixels: int) -> NDArray[np.uint8]:
        """Return normalised squares; see ``SlideReader.read_squares``."""
        squares = self._reader.read_squares(corners, side, pixels)
        for square in squares:
            square[:] = self._normaliser.apply(square)
        return squares

    def close(self) -> None:
        """Release the file."""
        self._reader.close()


def normalised(reader: SlideReader, method: str, target: StainFit | None = None) -> NormalisedReader:
    """Return a reader of the same slide in the target's stain, after fitting the slide's own."""
    return NormalisedReader(reader, Normaliser(method, fit_slide(reader, method), target or reference_fit()))
