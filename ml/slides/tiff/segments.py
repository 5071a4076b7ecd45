"""Reader of stored samples of TIFF pages: only the tiles or strips of a box are decoded."""

from __future__ import annotations

import math
import os
import threading
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml.messages import Message
from ml.slides.errors import SlideError
from ml.slides.recent import Recent
from ml.slides.tiff.failures import damaged_part

_CACHE_BYTES: Final = 96 << 20
# Bytes of one tile or strip when it is unpacked: what one tile on the screen may cost.
LARGEST_SEGMENT: Final = 1 << 27
_CONTIGUOUS: Final = 1

Box = tuple[int, int, int, int]


class Segments:
    """Bounded cache of the decoded tiles and strips of one file. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: Recent[tuple[int, int], NDArray[Any]] = Recent(_CACHE_BYTES)
        self._maps: dict[int, NDArray[Any]] = {}
        # Held, because segments are known by the identity of their page.
        self._pages: list[Any] = []
        self._lock = threading.Lock()
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __del__(self) -> None:
        if hasattr(self, "_descriptor"):
            os.close(self._descriptor)

    def prepare(self, page: Any) -> None:
        """Load the decoders of the page from the header, so that tifffile's file may be closed.

        Raises SlideError(``too_large``) for a page whose tiles or strips are too large to decode.
        """
        keyframe = page.keyframe
        try:
            _ = keyframe.decode, keyframe.jpegtables, page.dataoffsets, page.databytecounts
        # A damaged header states tiles without a width, among others.
        except (ArithmeticError, ValueError, LookupError, TypeError) as error:
            raise damaged_part(error) from error
        self._pages.append(page)
        if page.is_memmappable and not keyframe.is_tiled and _is_in_one_piece(page):
            self._maps[id(page)] = self._mapped(page)
            return
        if segment_bytes(keyframe) > LARGEST_SEGMENT:
            raise SlideError(
                Message(
                    "strips_too_large",
                    file=self._path.name,
                ),
                code="too_large",
            )

    def read(self, page: Any, box: Box, sample: int | None = None) -> NDArray[Any]:
        """Return the stored samples of ``box`` = (left, top, right, bottom) inside the page.

        The array is (h, w, samples) in the byte order of the machine; with ``sample`` (h, w, 1) of that one.
        Segments that the file leaves out are 0. Raises SlideError(``unreadable``) where it is damaged.
        """
        keyframe = page.keyframe
        apart = keyframe.planarconfig != _CONTIGUOUS and keyframe.samplesperpixel > 1
        chosen = range(int(keyframe.samplesperpixel)) if sample is None else (sample,)
        if not apart:
            pixels = self._plane(page, box, 0)
            return pixels if sample is None else pixels[..., sample : sample + 1]
        return np.concatenate([self._plane(page, box, number) for number in chosen], axis=2)

    def _plane(self, page: Any, box: Box, plane: int) -> NDArray[Any]:
        """Return the samples of a box that are stored together: all of them, or one plane."""
        left, top, right, bottom = box
        keyframe = page.keyframe
        mapped = self._maps.get(id(page))
        if mapped is not None:
            part = mapped[plane, top:bottom, left:right]
            return np.asarray(part, part.dtype.newbyteorder("="))
        tall, wide = _segment_shape(keyframe)
        across, down = -(-int(keyframe.imagewidth) // wide), -(-int(keyframe.imagelength) // tall)
        together = samples_together(keyframe)
        out = np.zeros((bottom - top, right - left, together), keyframe.dtype.newbyteorder("="))
        for row in range(top // tall, -(-bottom // tall)):
            for column in range(left // wide, -(-right // wide)):
                segment = self._segment(page, (plane * down + row) * across + column)
                if segment is None:
                    continue
                y, x = row * tall, column * wide
                y0, y1 = max(y, top), min(y + segment.shape[0], bottom)
                x0, x1 = max(x, left), min(x + segment.shape[1], right)
                if y1 > y0 and x1 > x0:
                    out[y0 - top : y1 - top, x0 - left : x1 - left] = segment[
                        y0 - y : y1 - y, x0 - x : x1 - x
                    ]
        return out

    def _segment(self, page: Any, number: int) -> NDArray[Any] | None:
        """Return a decoded segment as (h, w, samples), None for one missing in the file."""
        key = (id(page), number)
        with self._lock:
            known = self._held.get(key)
        if known is not None:
            return known
        is_listed = number < min(len(page.databytecounts), len(page.dataoffsets))
        length = int(page.databytecounts[number]) if is_listed else 0
        data = os.pread(self._descriptor, length, int(page.dataoffsets[number])) if length else b""
        if len(data) < length:
            raise damaged_part(EOFError())
        if not data:
            return None
        keyframe = page.keyframe
        try:
            decoded = keyframe.decode(data, number, jpegtables=keyframe.jpegtables)[0]
        # Codecs raise errors of their own, which have no common base but Exception.
        except Exception as error:
            raise damaged_part(error) from error
        if decoded is None:
            return None
        # A decoder's axes are depth, height, width and samples.
        segment: NDArray[Any] = np.ascontiguousarray(decoded[0])
        with self._lock:
            self._held.put(key, segment, segment.nbytes)
        return segment

    def _mapped(self, page: Any) -> NDArray[Any]:
        """Return samples that are stored raw and in one piece as a map of (planes, h, w, samples)."""
        keyframe = page.keyframe
        planes, _, rows, columns, together = keyframe.shaped
        dtype = np.dtype(keyframe.parent.byteorder + keyframe.dtype.char)
        shape = (planes, rows, columns, together)
        if int(page.dataoffsets[0]) + math.prod(shape) * dtype.itemsize > self._path.stat().st_size:
            raise damaged_part(EOFError())
        return np.memmap(self._path, dtype, "r", int(page.dataoffsets[0]), shape)


def segment_bytes(keyframe: Any) -> int:
    """Return the size of one decoded tile or strip of a page in bytes."""
    tall, wide = _segment_shape(keyframe)
    width = 1 if keyframe.dtype is None else keyframe.dtype.itemsize
    return int(tall * wide * samples_together(keyframe) * width)


def samples_together(keyframe: Any) -> int:
    """Return the number of samples of a pixel stored side by side: all of them, or 1 for separate planes."""
    return int(keyframe.samplesperpixel) if keyframe.planarconfig == _CONTIGUOUS else 1


def _is_in_one_piece(page: Any) -> bool:
    ends = np.add(page.dataoffsets, page.databytecounts)
    return bool((ends[:-1] == np.asarray(page.dataoffsets)[1:]).all())


def _segment_shape(keyframe: Any) -> tuple[int, int]:
    if keyframe.is_tiled:
        return int(keyframe.tilelength), int(keyframe.tilewidth)
    return min(int(keyframe.rowsperstrip), int(keyframe.imagelength)), int(keyframe.imagewidth)
