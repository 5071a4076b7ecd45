"""Label-preserving augmentation of patches: the eight symmetries of the square, and stain."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from ml.slides.stain_separation import MIX, join_stains, separate_stains

SYMMETRIES = 8
STRENGTH = 0.2
SHIFT = 0.03


# A shift of 0.2 of a concentration in natural units of density, as our densities are decimal.
FULL_SHIFT = 0.2 / float(np.log(10))
WORST_JPEG = 40
BLURRED = 0.25
TO_LUMA = np.array(
    [[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]], dtype=np.float32
)
FROM_LUMA = np.linalg.inv(TO_LUMA).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Strengths of the augmentation of patches; zero switches a kind off.

    ``stain`` is the reach of the factor of each stain's concentration, ``hue`` that of the turn of
    all colours in radians, ``zoom`` that of the scale, ``degrade`` the share of patches that are
    blurred or compressed, ``gain`` that of a factor for each channel. Reaches are of uniform draws.
    """

    symmetries: bool = True
    stain: float = STRENGTH
    shift: float = SHIFT
    hue: float = 0.0
    zoom: float = 0.0
    degrade: float = 0.0
    gain: float = 0.0

    def of_channels(self) -> Augmentation:
        """Return the same for channels that are no colours: their strength instead of stain and hue."""
        return replace(self, stain=0.0, shift=0.0, hue=0.0, degrade=0.0, gain=self.stain)


def augment_patch(
    pixels: NDArray[np.uint8], random: np.random.Generator, how: Augmentation
) -> NDArray[np.uint8]:
    """Return augmented patches (..., side, side, channels); all views of a leading axis vary in the same way.

    Stain, hue and degrading are for RGB, ``gain`` for any channels.
    """
    if how.gain:
        pixels = vary_gain(pixels, random, how.gain)
    if how.stain or how.shift:
        pixels = vary_stain(pixels, random, how.stain, shift=how.shift)
    if how.hue:
        pixels = turn_hue(pixels, float(random.uniform(-how.hue, how.hue)), random.uniform(0.9, 1.1))
    if how.zoom:
        pixels = zoom(pixels, 1 + float(random.uniform(-how.zoom, how.zoom)))
    if how.degrade and random.random() < how.degrade:
        pixels = degrade(pixels, random)
    if how.symmetries:
        pixels = turn_views(pixels, int(random.integers(SYMMETRIES)))
    return pixels


def turn_views(pixels: NDArray[np.uint8], symmetry: int) -> NDArray[np.uint8]:
    """Return (..., height, width, channels) under one of the eight symmetries, 0 being none."""
    turned = np.rot90(pixels, symmetry % 4, axes=(-3, -2))
    return turned[..., ::-1, :] if symmetry >= SYMMETRIES // 2 else turned


def turn_hue(pixels: NDArray[np.uint8], angle: float, saturation: float) -> NDArray[np.uint8]:
    """Return RGB (..., 3) with all hues turned by ``angle`` radians at the same luma."""
    cosine, sine = saturation * np.cos(angle), saturation * np.sin(angle)
    rotation = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]], dtype=np.float32)
    matrix = (FROM_LUMA @ rotation @ TO_LUMA).T.astype(np.float32)
    rotated = pixels.astype(np.float32) @ matrix
    turned: NDArray[np.uint8] = np.clip(np.rint(rotated), 0, 255).astype(np.uint8)
    return turned


def zoom(pixels: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    """Return square RGB (..., side, side, 3) magnified about its centre; edges reflect where it shrinks."""
    side = pixels.shape[-2]
    where = (np.arange(side) + 0.5 - side / 2) / factor + side / 2
    places = np.floor(where).astype(np.intp)
    places = np.where(places < 0, -1 - places, places)
    places = np.clip(np.where(places >= side, 2 * side - 1 - places, places), 0, side - 1)
    return pixels[..., places[:, None], places, :]


def degrade(pixels: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """Return RGB (..., side, side, 3) a little blurred, or as a lossy file would give it back."""
    if random.random() < BLURRED:
        reach = float(random.uniform(0.3, 1.2))
        sigma = (*([0.0] * (pixels.ndim - 3)), reach, reach, 0.0)
        blurred: NDArray[np.uint8] = ndimage.gaussian_filter(pixels, sigma)
        return blurred
    quality = int(random.integers(WORST_JPEG, 96))
    views = [_compress(view, quality) for view in pixels.reshape(-1, *pixels.shape[-3:])]
    return np.stack(views).reshape(pixels.shape)


def _compress(view: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(view)).save(stream, "JPEG", quality=quality)
    with Image.open(stream) as image:
        return np.asarray(image)


def vary_gain(pixels: NDArray[np.uint8], random: np.random.Generator, reach: float) -> NDArray[np.uint8]:
    """Return (..., channels) with each channel times a factor of 1 - reach to 1 + reach."""
    factors = random.uniform(1 - reach, 1 + reach, pixels.shape[-1])
    augmented: NDArray[np.uint8] = np.clip(np.rint(pixels * factors), 0, 255).astype(np.uint8)
    return augmented


def turn(image: NDArray[np.generic], symmetry: int) -> NDArray[np.generic]:
    """Return a (height, width, ...) array under one of the eight symmetries, 0 being none."""
    turned = np.rot90(image, symmetry % 4)
    return turned[:, ::-1] if symmetry >= SYMMETRIES // 2 else turned


def vary_stain(
    pixels: NDArray[np.uint8],
    random: np.random.Generator,
    strength: float = STRENGTH,
    tint: float = 0.0,
    shift: float = SHIFT,
) -> NDArray[np.uint8]:
    """Return RGB pixels with each stain's concentration scaled and shifted a little.

    ``shift`` is the largest number added to a concentration, in decimal density. ``tint`` is the
    standard deviation by which the colours of the stains themselves vary. Tellez et al., IEEE
    Transactions on Medical Imaging 37(9):2126 (2018).
    """
    scale = random.uniform(1 - strength, 1 + strength, 3).astype(np.float32)
    offset = random.uniform(-shift, shift, 3).astype(np.float32)
    mix = MIX + random.normal(0.0, tint, MIX.shape).astype(np.float32)
    return join_stains(separate_stains(pixels) * scale + offset, mix)
