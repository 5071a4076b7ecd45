"""Conversion of stored samples to RGB: scale, colour model, palette and transparency of a TIFF page.

References
----------
TIFF Revision 6.0 (Adobe, 1992), sections 4 to 6 and 18 (PhotometricInterpretation, ColorMap, ExtraSamples)
and 21 (YCbCr by ITU-R BT.601).

"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml.slides.tiff.failures import is_cmyk
from ml.slides.tiff.wide_samples import read_type

_WHITE_IS_ZERO, _PALETTE, _YCBCR = 0, 3, 6
_ASSOCIATED, _UNASSOCIATED = 1, 2
_APERIO_YCBCR: Final = 33003
# What a JPEG decoder turns into RGB by itself.
_JPEG: Final = frozenset({6, 7, 34892, 33007})
_FULL: Final = 255
_WORD: Final = 1 << 16


@dataclass(frozen=True)
class Colours:
    """Conversion of samples (h, w, n) of one page to RGB.

    ``levels`` maps each stored value, as an unsigned integer, to 0..255; None for 8 bits as they are.
    """

    samples: int
    levels: NDArray[np.uint8] | None
    palette: NDArray[np.uint8] | None
    is_ycbcr: bool
    is_cmyk: bool
    alpha: int

    def to_rgb(self, stored: NDArray[Any]) -> NDArray[np.uint8]:
        """Return (h, w, 3) uint8 from stored samples (h, w, n), transparent pixels over white."""
        if self.palette is not None:
            return np.ascontiguousarray(self.palette[stored[..., 0]])
        pixels = stored if self.levels is None else self.levels[_unsigned(stored)]
        if self.is_cmyk:
            return cmyk_to_rgb(pixels)
        colours = 3 if pixels.shape[2] >= 3 else 1  # noqa: PLR2004 - red, green, blue
        alpha = pixels[..., colours] if self.alpha and pixels.shape[2] > colours else None
        rgb = pixels[..., :colours]
        if self.is_ycbcr and colours > 1:
            rgb = ycbcr_to_rgb(rgb)
        if alpha is not None:
            rgb = _over_white(rgb, alpha, associated=self.alpha == _ASSOCIATED)
        if colours == 1:
            rgb = np.repeat(rgb, 3, axis=2)
        return np.ascontiguousarray(rgb, dtype=np.uint8)


def colours_of(page: Any, low: int, high: int) -> Colours:
    """Return the conversion of a page's samples to RGB, with ``low`` as black and ``high`` as brightest."""
    keyframe = page.keyframe
    photometric = int(keyframe.photometric)
    return Colours(
        samples=int(keyframe.samplesperpixel),
        levels=_levels(read_type(keyframe.dtype), low, high, inverted=photometric == _WHITE_IS_ZERO),
        palette=_palette(keyframe) if photometric == _PALETTE else None,
        is_ycbcr=_is_ycbcr(keyframe),
        is_cmyk=is_cmyk(keyframe),
        alpha=_alpha(keyframe),
    )


def _unsigned(stored: NDArray[Any]) -> NDArray[Any]:
    """Return the samples as the unsigned integers of the same bits."""
    kind = np.uint8 if stored.dtype.itemsize == 1 else np.uint16
    return stored.view(kind) if stored.flags["C_CONTIGUOUS"] else np.ascontiguousarray(stored).view(kind)


def _levels(dtype: Any, low: int, high: int, *, inverted: bool) -> NDArray[np.uint8] | None:
    if dtype == np.uint8 and (low, high) == (0, _FULL) and not inverted:
        return None
    count = _WORD if dtype.itemsize > 1 else _FULL + 1
    stored = np.arange(count, dtype=np.uint16 if dtype.itemsize > 1 else np.uint8)
    values = (stored != 0) if dtype == np.bool_ else stored.view(dtype)
    share = np.clip((values.astype(np.float64) - low) / max(1, high - low), 0, 1)
    return np.asarray(np.rint((1 - share if inverted else share) * _FULL), np.uint8)


def _palette(page: Any) -> NDArray[np.uint8] | None:
    """Return the colours (n, 3) of a palette, which some writers store in 8 of 16 bits."""
    if page.colormap is None:
        return None
    entries = np.asarray(page.colormap, np.float64).T
    top = _FULL if entries.max(initial=0) <= _FULL else _WORD - 1
    colours = np.zeros((_WORD if page.dtype.itemsize > 1 else _FULL + 1, 3), np.uint8)
    colours[: len(entries)] = np.rint(entries * (_FULL / top))
    return colours


def _is_ycbcr(page: Any) -> bool:
    """Return whether decoded samples are still luma and chroma."""
    if page.compression == _APERIO_YCBCR:
        return True
    return int(page.photometric) == _YCBCR and page.compression not in _JPEG


def _alpha(page: Any) -> int:
    """Return the kind of the first extra sample when it is an alpha channel, else 0."""
    kinds = [int(kind) for kind in page.extrasamples]
    return kinds[0] if kinds and kinds[0] in {_ASSOCIATED, _UNASSOCIATED} else 0


def cmyk_to_rgb(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return RGB (h, w, 3) of cyan, magenta, yellow and black (h, w, 4), without a colour profile."""
    light = _FULL - pixels[..., :4].astype(np.uint32)
    return np.ascontiguousarray((light[..., :3] * light[..., 3:] + _FULL // 2) // _FULL, dtype=np.uint8)


def ycbcr_to_rgb(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return RGB (h, w, 3) of full-range YCbCr by ITU-R BT.601."""
    luma = pixels[..., 0].astype(np.float32)
    blue, red = (pixels[..., index].astype(np.float32) - 128 for index in (1, 2))
    rgb = np.stack(
        [luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue], axis=-1
    )
    return np.asarray(np.rint(np.clip(rgb, 0, _FULL)), np.uint8)


def _over_white(rgb: NDArray[Any], alpha: NDArray[Any], *, associated: bool) -> NDArray[np.uint8]:
    """Return pixels blended over white; associated alpha is already multiplied in."""
    if alpha.min(initial=_FULL) == _FULL:
        return np.asarray(rgb, np.uint8)
    opaque = alpha[..., None].astype(np.uint32)
    weighted = rgb.astype(np.uint32) * (_FULL if associated else opaque)
    blended = (weighted + _FULL * (_FULL - opaque) + _FULL // 2) // _FULL
    return np.asarray(np.minimum(blended, _FULL), np.uint8)
