"""Decode one frame of a transfer syntax into its stored samples, without any change of colour.

Sizes that a codestream declares are compared with those of the header before anything is decoded, so that a
small file cannot ask for much memory. Sources: PS3.5 annex A; ISO 10918-1 (JPEG), 14495-1 (JPEG-LS) and
15444-1 (JPEG 2000).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.uid import UID

from ml.messages import Message
from ml.slides.errors import SlideError

_IMPLICIT, _EXPLICIT, _BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
_RLE: Final = "1.2.840.10008.1.2.5"
_JPEG: Final = "1.2.840.10008.1.2.4."
NATIVE: Final = frozenset({_IMPLICIT, _EXPLICIT, _BIG})
_LOSSY_JPEG: Final = frozenset({f"{_JPEG}50", f"{_JPEG}51"})
_LOSSLESS_JPEG: Final = frozenset({f"{_JPEG}57", f"{_JPEG}70"})
_JPEG_LS: Final = frozenset({f"{_JPEG}80", f"{_JPEG}81"})
_JPEG_2000: Final = frozenset({f"{_JPEG}{number}" for number in (90, 91, 201, 202, 203)})
SUPPORTED: Final = NATIVE | _LOSSY_JPEG | _LOSSLESS_JPEG | _JPEG_LS | _JPEG_2000 | {_RLE}
_MOST_FRAME_BYTES: Final = 1 << 29
# The markers that begin a frame header: baseline, extended, progressive, lossless and JPEG-LS.
_FRAME_MARKERS: Final = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xF7})
_PLAIN_MARKERS: Final = frozenset({0x01, *range(0xD0, 0xD9)})


@dataclass(frozen=True)
class FrameFormat:
    """Storage format of an instance's frames: syntax, rows, columns, samples a pixel, bits and layout."""

    syntax: str
    rows: int
    columns: int
    samples: int
    bits: int
    is_signed: bool
    is_planar: bool
    is_subsampled: bool = False

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of a stored sample, in the byte order of the file."""
        kind = {(8, False): "u1", (8, True): "i1", (16, False): "u2", (16, True): "i2"}[
            self.bits, self.is_signed
        ]
        return np.dtype(kind).newbyteorder(">" if self.syntax == _BIG else "<")

    @property
    def frame_bytes(self) -> int:
        """The length of one native frame in bytes."""
        samples = 2 if self.is_subsampled else self.samples
        return self.rows * self.columns * samples * (self.bits // 8)

    @property
    def is_lossy_jpeg(self) -> bool:
        """Return whether frames are JPEG of 8 bits, whose decoder can change the colour model."""
        return self.syntax in _LOSSY_JPEG and self.bits == 8  # noqa: PLR2004 - bits of a byte

    def check(self, path: Path) -> None:
        """Raise SlideError (``unsupported``) for a syntax, a depth or a size that is not supported."""
        if self.syntax not in SUPPORTED:
            name = UID(self.syntax).name if self.syntax else "none"
            message = Message(
                "dicom_syntax_unsupported",
                file=path.name,
                syntax=name,
                uid=self.syntax,
            )
            raise SlideError(message, code="unsupported")
        if self.bits not in (8, 16) or self.samples not in (1, 3):
            message = Message(
                "dicom_depth_unsupported",
                file=path.name,
                samples=self.samples,
                bits=self.bits,
            )
            raise SlideError(message, code="unsupported")
        if self.rows * self.columns * self.samples * (self.bits // 8) > _MOST_FRAME_BYTES:
            message = Message(
                "dicom_frame_too_large",
                file=path.name,
                columns=self.columns,
                rows=self.rows,
            )
            raise SlideError(message, code="too_large")


class FrameDamagedError(ValueError):
    """Error of a frame whose bytes are incomplete or no image of the size in the header."""


def decode_frame(data: bytes, frame: FrameFormat, *, to_rgb_from: str = "") -> NDArray[Any]:
    """Return the stored samples of one frame as (rows, columns, samples) in native byte order.

    With ``to_rgb_from`` a lossy JPEG of that colour model is turned into RGB by its decoder. Raises
    FrameDamagedError.
    """
    if frame.syntax in NATIVE:
        return _native(data, frame)
    try:
        pixels = _compressed(data, frame, to_rgb_from)
    except FrameDamagedError:
        raise
    # Each codec has an error of its own, with no common base but Exception.
    except Exception as error:
        message = f"{type(error).__name__} while decoding a frame"
        raise FrameDamagedError(message) from error
    if pixels.ndim == 2:  # noqa: PLR2004 - one sample a pixel
        pixels = pixels[..., None]
    if pixels.shape != (frame.rows, frame.columns, frame.samples):
        message = f"a frame has the shape {pixels.shape}"
        raise FrameDamagedError(message)
    return np.ascontiguousarray(pixels)


def stored_size(data: bytes) -> tuple[int, int, int] | None:
    """Return (rows, columns, samples) that a JPEG, JPEG-LS or JPEG 2000 codestream declares, or None."""
    if data[:4] == b"\xff\x4f\xff\x51":
        if len(data) < 42:  # noqa: PLR2004 - the SIZ segment ends there
            return None
        right, bottom, left, top = struct.unpack(">IIII", data[8:24])
        return bottom - top, right - left, struct.unpack(">H", data[40:42])[0]
    for marker, body in jpeg_segments(data):
        if marker in _FRAME_MARKERS and len(body) >= 6:  # noqa: PLR2004 - precision, rows, columns, samples
            rows, columns = struct.unpack(">HH", body[1:5])
            return rows, columns, body[5]
    return None


def jpeg_segments(data: bytes) -> list[tuple[int, bytes]]:
    """Return (marker, body) of the segments in front of the first scan of a JPEG."""
    segments: list[tuple[int, bytes]] = []
    at = 2 if data[:2] == b"\xff\xd8" else len(data)
    while at + 4 <= len(data) and data[at] == 0xFF:  # noqa: PLR2004 - the first byte of every marker
        marker = data[at + 1]
        if marker == 0xFF or marker in _PLAIN_MARKERS:  # noqa: PLR2004 - a fill byte
            at += 1 if marker == 0xFF else 2  # noqa: PLR2004
            continue
        length = struct.unpack(">H", data[at + 2 : at + 4])[0]
        segments.append((marker, data[at + 4 : at + 2 + length]))
        if marker == 0xDA:  # noqa: PLR2004 - start of scan
            break
        at += 2 + max(length, 2)
    return segments


def _native(data: bytes, frame: FrameFormat) -> NDArray[Any]:
    if len(data) < frame.frame_bytes:
        message = "a frame is cut off"
        raise FrameDamagedError(message)
    samples = np.frombuffer(data[: frame.frame_bytes], frame.dtype)
    if frame.is_subsampled:
        # Two luminances share one pair of chrominances: Y Y Cb Cr (PS3.3 C.7.6.3.1.2).
        quads = samples.reshape(frame.rows, frame.columns // 2, 4)
        chroma = np.repeat(quads[:, :, 2:], 2, axis=1)
        light = quads[:, :, :2].reshape(frame.rows, frame.columns, 1)
        pixels = np.concatenate([light, chroma], axis=2)
    elif frame.is_planar:
        pixels = samples.reshape(frame.samples, frame.rows, frame.columns).transpose(1, 2, 0)
    else:
        pixels = samples.reshape(frame.rows, frame.columns, frame.samples)
    return np.ascontiguousarray(pixels, frame.dtype.newbyteorder("="))


def _compressed(data: bytes, frame: FrameFormat, to_rgb_from: str) -> NDArray[Any]:
    if frame.syntax == _RLE:
        return _rle(data, frame)
    if stored_size(data) != (frame.rows, frame.columns, frame.samples):
        message = "a frame declares another size than the header"
        raise FrameDamagedError(message)
    if frame.syntax in _JPEG_2000:
        return np.asarray(imagecodecs.jpeg2k_decode(data))
    if frame.syntax in _JPEG_LS:
        return np.asarray(imagecodecs.jpegls_decode(data))
    if frame.syntax in _LOSSLESS_JPEG:
        return np.asarray(imagecodecs.jpegsof3_decode(data))
    model = "YCBCR" if frame.samples > 1 else "GRAYSCALE"
    # The same model on both sides keeps the samples as they are stored.
    return np.asarray(
        imagecodecs.jpeg8_decode(
            data, colorspace=to_rgb_from or model, outcolorspace="RGB" if to_rgb_from else model
        )
    )


def _rle(data: bytes, frame: FrameFormat) -> NDArray[Any]:
    raw = imagecodecs.dicomrle_decode(data, frame.dtype)
    if len(raw) != frame.frame_bytes:
        message = "a frame has another length than the header states"
        raise FrameDamagedError(message)
    planes = np.frombuffer(raw, frame.dtype).reshape(frame.samples, frame.rows, frame.columns)
    return planes.transpose(1, 2, 0)
