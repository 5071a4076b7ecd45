"""The colour model of stored samples, and their conversion to RGB or to one grey value.

Some writers state RGB for samples that are YCbCr, or the reverse. Three witnesses are heard: the header
(PhotometricInterpretation, PS3.3 C.7.6.3.1.2), the markers of the JPEG codestream (JFIF, Adobe, component
identifiers, subsampling), and the pixels: the background of a slide is near grey, so many pixels are near the
grey axis of the right model and few near that of the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml.slides.dicom.codecs import jpeg_segments

RGB, YCBCR = "RGB", "YCBCR"
_RGB_TEXTS: Final = frozenset({"RGB", "YBR_ICT", "YBR_RCT"})
_APP0, _APP14 = 0xE0, 0xEE
_FRAME_MARKERS: Final = frozenset({0xC0, 0xC1, 0xC2, 0xC3})
# Distance from the grey axis, in levels of 255, of a pixel that counts as near grey.
_NEAR_GREY: Final = 12
# Near the middle both axes meet, so such pixels tell nothing.
_AWAY_FROM_MIDDLE: Final = 40
_CLEAR, _HARDLY_ANY = 0.1, 0.01


def stated_model(photometric: str) -> str:
    """Return the colour model of decoded samples by the header. Decoders undo YBR_ICT and YBR_RCT."""
    return RGB if photometric.upper() in _RGB_TEXTS else YCBCR


def marked_model(data: bytes) -> str | None:
    """Return the colour model by the markers of a JPEG, as libjpeg reads them; None without markers."""
    jfif, transform, identifiers, sampling = False, None, b"", set()
    for marker, body in jpeg_segments(data):
        if marker == _APP0 and body.startswith(b"JFIF"):
            jfif = True
        elif marker == _APP14 and body.startswith(b"Adobe") and len(body) >= 12:  # noqa: PLR2004
            transform = body[11]
        elif marker in _FRAME_MARKERS and len(body) >= 15:  # noqa: PLR2004 - three components
            identifiers, sampling = body[6:15:3], set(body[7:15:3])
    if len(sampling) > 1:
        # Chrominance is stored at half the resolution; nobody does so with red, green or blue.
        return YCBCR
    if transform is not None:
        return RGB if transform == 0 else YCBCR
    if identifiers == b"RGB":
        return RGB
    return YCBCR if jfif else None


def measured_model(frames: Sequence[NDArray[Any]]) -> str | None:
    """Return the colour model that pixels (h, w, 3) uint8 show clearly, else None."""
    if not frames:
        return None
    pixels = np.concatenate([frame.reshape(-1, frame.shape[-1])[::7] for frame in frames]).astype(np.int16)
    first, second, third = pixels.T
    away = np.abs(first - 128) > _AWAY_FROM_MIDDLE
    as_ycbcr = away & (np.abs(second - 128) <= _NEAR_GREY) & (np.abs(third - 128) <= _NEAR_GREY)
    as_rgb = away & (np.abs(first - second) <= _NEAR_GREY) & (np.abs(first - third) <= _NEAR_GREY)
    share_ycbcr, share_rgb = float(as_ycbcr.mean()), float(as_rgb.mean())
    if share_ycbcr >= _CLEAR and share_rgb <= _HARDLY_ANY:
        return YCBCR
    if share_rgb >= _CLEAR and share_ycbcr <= _HARDLY_ANY:
        return RGB
    return None


def judge_model(photometric: str, stored: Sequence[bytes], frames: Sequence[NDArray[Any]]) -> str:
    """Return the colour model of an instance: by its pixels, else by the markers, else by the header.

    ``photometric`` is the attribute of the header, ``stored`` the bytes of JPEG frames (empty for other
    transfer syntaxes), ``frames`` decoded frames (h, w, 3) uint8 in which no colour was changed.
    """
    marked = next((model for model in map(marked_model, stored) if model), None)
    return measured_model(frames) or marked or stated_model(photometric)


def to_rgb(pixels: NDArray[np.uint8], model: str) -> NDArray[np.uint8]:
    """Return RGB (h, w, 3) uint8 from samples of a model; full-range YCbCr as in JPEG (ISO 10918-5)."""
    if model == RGB:
        return pixels
    light = pixels[..., 0].astype(np.float32)
    blue, red = (pixels[..., index].astype(np.float32) - 128 for index in (1, 2))
    out = np.stack(
        [light + 1.402 * red, light - 0.344136 * blue - 0.714136 * red, light + 1.772 * blue], axis=-1
    )
    rgb: NDArray[np.uint8] = np.rint(np.clip(out, 0, 255)).astype(np.uint8)
    return rgb


def partial_to_full(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return full-range YCbCr from the studio range of YBR_PARTIAL (16 to 235 and 16 to 240)."""
    samples = pixels.astype(np.float32)
    samples[..., 0] = (samples[..., 0] - 16) * (255 / 219)
    samples[..., 1:] = (samples[..., 1:] - 128) * (255 / 224) + 128
    return np.rint(np.clip(samples, 0, 255)).astype(np.uint8)
