"""Planes of a multi-channel TIFF: OME-TIFF, QPTIFF, multi-page and multi-sample files of 8 or 16 bits.

Only segments (tiles or strips) that a request needs are read and decoded. Other files that the header
may name are never opened: a header is a stranger's text.
"""

from __future__ import annotations

import html
import os
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from ml.contracts import Sentence
from ml.slides.errors import SlideError
from ml.slides.recent import Recent

MOST_CHANNELS: Final = 32
LONGEST_NAME: Final = 64
_SEGMENT_BYTES: Final = 96 << 20
_SAMPLED_SIDE: Final = 1024
_BLOCK: Final = 4096
_LOWEST, _HIGHEST = 1.0, 99.7
_LONGEST_DESCRIPTION: Final = 4_000_000
_OME_CHANNEL: Final = re.compile(r"<(?:\w+:)?Channel\b([^>]*)>")
_NAME_ATTRIBUTE: Final = re.compile(r'\bName="([^"]*)"')
_PHYSICAL: Final = re.compile(r'\bPhysicalSize([XY])="([0-9.eE+-]+)"')
_OTHER_UNIT: Final = re.compile(r'\bPhysicalSize[XY]Unit="(?!(?:µm|μm|um|micron)")')
_MICROMETRES: Final = {2: 25_400.0, 3: 10_000.0}
_NAME_ELEMENT: Final = re.compile(r"<Name>([^<]*)</Name>")


@dataclass(frozen=True)
class _Plane:
    """One channel at one level: the page that holds it, and which sample of it; -1: the page's only one."""

    page: Any
    sample: int


class ChannelPlanes:
    """An open multi-channel TIFF. ``sizes`` are (width, height) of the stored levels, largest first.

    Safe to use from several threads. Raises ValueError for a file that is no multi-channel slide.
    """

    def __init__(self, path: Path) -> None:
        with tifffile.TiffFile(path, _multifile=False) as tiff:
            series = tiff.series[0]
            axis = _channel_axis(series)
            if axis is None:
                message = "not a multi-channel slide"
                raise ValueError(message)
            self._levels = [_planes(level, axis) for level in series.levels]
            self.names = _names(tiff, series, len(self._levels[0]))
            keyframe: Any = series.keyframe
            self.rgb = axis == "S" and int(keyframe.photometric) == tifffile.PHOTOMETRIC.RGB
            self.bits = keyframe.dtype.itemsize * 8
            self.format = "OME-TIFF" if tiff.is_ome else "QPTIFF" if tiff.is_qpi else "Multi-channel TIFF"
            self.mpp = _resolution(tiff, keyframe)
            # What decodes a page is made on first use; made here, it needs the file no more.
            for level in self._levels:
                _ = level[0].page.keyframe.decode
        self.sizes = [(int(p[0].page.imagewidth), int(p[0].page.imagelength)) for p in self._levels]
        keyframe = self._levels[0][0].page.keyframe
        self.tile_size = (int(keyframe.tilewidth), int(keyframe.tilelength)) if keyframe.is_tiled else (0, 0)
        self._segments: Recent[tuple[int, int, int], NDArray[Any]] = Recent(_SEGMENT_BYTES)
        self._lock = threading.Lock()
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __del__(self) -> None:
        if hasattr(self, "_descriptor"):
            os.close(self._descriptor)

    @property
    def count(self) -> int:
        """How many channels there are."""
        return len(self._levels[0])

    def read(self, index: int, box: tuple[float, float, float, float], size: tuple[int, int]) -> NDArray[Any]:
        """Return ``box`` = (left, top, right, bottom) in level-0 pixels of one channel as (h, w) integers.

        It is resampled by area to ``size`` = (width, height) from the smallest level that is fine enough,
        block by block, so that a slide without a pyramid costs time but not memory.
        """
        columns, rows = size
        step_x, step_y = (box[2] - box[0]) / columns, (box[3] - box[1]) / rows
        level = self._level_for(min(step_x, step_y))
        to_x, to_y = (self.sizes[level][axis] / self.sizes[0][axis] for axis in (0, 1))
        block = (max(1, int(_BLOCK / max(step_x * to_x, 1))), max(1, int(_BLOCK / max(step_y * to_y, 1))))
        out = np.zeros((rows, columns), np.uint8 if self.bits == 8 else np.uint16)  # noqa: PLR2004
        for top in range(0, rows, block[1]):
            for left in range(0, columns, block[0]):
                right, bottom = min(left + block[0], columns), min(top + block[1], rows)
                place = (
                    (box[0] + left * step_x) * to_x,
                    (box[1] + top * step_y) * to_y,
                    (box[0] + right * step_x) * to_x,
                    (box[1] + bottom * step_y) * to_y,
                )
                out[top:bottom, left:right] = self._resampled(
                    index, level, place, (right - left, bottom - top)
                )
        return out

    def ranges(self) -> list[tuple[int, int, int]]:
        """Return (low, high, top) of each channel: what fills an overview of it, and its brightest value."""
        width, height = self.sizes[0]
        scale = min(1.0, _SAMPLED_SIDE / max(width, height))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        ranges = []
        for index in range(self.count):
            plane = self.read(index, (0, 0, width, height), size)
            low, high = np.percentile(plane, [_LOWEST, _HIGHEST])
            ranges.append((int(low), int(high), int(plane.max())))
        return ranges

    def _level_for(self, downsample: float) -> int:
        best = 0
        for level, (width, _) in enumerate(self.sizes):
            if self.sizes[0][0] / width <= downsample * 1.01:
                best = level
        return best

    def _resampled(
        self, index: int, level: int, place: tuple[float, float, float, float], size: tuple[int, int]
    ) -> NDArray[Any]:
        width, height = self.sizes[level]
        left, top = min(int(place[0] + 1e-6), width - 1), min(int(place[1] + 1e-6), height - 1)
        right = max(left + 1, min(width, int(np.ceil(place[2] - 1e-6))))
        bottom = max(top + 1, min(height, int(np.ceil(place[3] - 1e-6))))
        pixels = self._fetch(index, level, (left, top, right, bottom))
        if (right - left, bottom - top) == size:
            return pixels
        part = (
            max(0.0, place[0] - left),
            max(0.0, place[1] - top),
            min(float(right - left), place[2] - left),
            min(float(bottom - top), place[3] - top),
        )
        image = Image.fromarray(pixels.astype(np.float32))
        resized = np.rint(np.asarray(image.resize(size, Image.Resampling.BOX, box=part)))
        kind = np.uint8 if self.bits == 8 else np.uint16  # noqa: PLR2004
        return np.asarray(resized, kind)

    def _fetch(self, index: int, level: int, box: tuple[int, int, int, int]) -> NDArray[Any]:
        left, top, right, bottom = box
        plane = self._levels[level][index]
        page = plane.page.keyframe
        if page.is_tiled:
            tall, wide = int(page.tilelength), int(page.tilewidth)
        else:
            tall, wide = min(int(page.rowsperstrip), int(page.imagelength)), int(page.imagewidth)
        across, down = -(-int(page.imagewidth) // wide), -(-int(page.imagelength) // tall)
        # Samples in planes of their own lie one after the other in the list of segments.
        apart = plane.sample * across * down if plane.sample > 0 and page.planarconfig != 1 else 0
        out = np.zeros((bottom - top, right - left), page.dtype.newbyteorder("="))
        for row in range(top // tall, -(-bottom // tall)):
            for column in range(left // wide, -(-right // wide)):
                segment = self._segment(level, index, apart + row * across + column)
                y, x = row * tall, column * wide
                y0, y1 = max(y, top), min(y + segment.shape[0], bottom)
                x0, x1 = max(x, left), min(x + segment.shape[1], right)
                if y1 > y0 and x1 > x0:
                    part = segment[y0 - y : y1 - y, x0 - x : x1 - x]
                    out[y0 - top : y1 - top, x0 - left : x1 - left] = part
        return out

    def _segment(self, level: int, index: int, number: int) -> NDArray[Any]:
        """Return one decoded segment of a channel as (h, w); from memory where it was met before."""
        key = (level, index, number)
        with self._lock:
            known = self._segments.get(key)
        if known is not None:
            return known
        plane = self._levels[level][index]
        page = plane.page
        length = int(page.databytecounts[number])
        data = os.pread(self._descriptor, length, int(page.dataoffsets[number])) if length else None
        try:
            decoded = page.keyframe.decode(data, number, jpegtables=page.keyframe.jpegtables)[0]
        # Codecs raise errors of their own, which have no common base but Exception.
        except Exception as error:
            message = Sentence(
                "part_damaged", "This part of the file is damaged ({reason}).", reason=type(error).__name__
            )
            raise SlideError("unreadable", message) from error
        if decoded is None:
            return np.zeros((1, 1), page.keyframe.dtype)
        # What comes out of a decoder has the axes depth, height, width and samples.
        together = plane.sample >= 0 and page.keyframe.planarconfig == 1
        segment = np.ascontiguousarray(decoded[0, :, :, plane.sample if together else 0])
        with self._lock:
            self._segments.put(key, segment, segment.nbytes)
        return segment


def _channel_axis(series: Any) -> str | None:
    """Return the axis that tells channels apart: C, pages of one kind (I, Q), or samples; else None."""
    if series.dtype not in (np.dtype(np.uint8), np.dtype(np.uint16)) or series.keyframe.imagedepth != 1:
        return None
    sizes = dict(zip(series.axes, series.shape, strict=True))
    photometric = int(series.keyframe.photometric)
    samples = sizes.get("S", 1)
    if samples == 1 and photometric == tifffile.PHOTOMETRIC.MINISBLACK:
        axis = next((name for name in "CIQ" if 1 < sizes.get(name, 1) <= MOST_CHANNELS), None)
        return axis if axis and all(page is not None for page in series.pages) else None
    others = [size for name, size in sizes.items() if name not in "YXS"]
    plain = photometric in {tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.RGB}
    colours = 3 if photometric == tifffile.PHOTOMETRIC.RGB else 1
    unnamed = all(int(kind) == 0 for kind in series.keyframe.extrasamples)
    fits = plain and unnamed and colours < samples <= MOST_CHANNELS and all(size == 1 for size in others)
    return "S" if fits else None


def _planes(level: Any, axis: str) -> list[_Plane]:
    """Return the planes of all channels at one level; of time and depth the first."""
    if axis == "S":
        page = level.pages[0]
        return [_Plane(page, sample) for sample in range(int(page.keyframe.samplesperpixel))]
    names = [name for name in level.axes if name not in "YXS"]
    shape = [size for name, size in zip(level.axes, level.shape, strict=True) if name in names]
    places = np.arange(int(np.prod(shape))).reshape(shape)
    first = tuple(slice(None) if name == axis else 0 for name in names)
    return [_Plane(level.pages[int(number)], -1) for number in places[first]]


def _resolution(tiff: tifffile.TiffFile, keyframe: Any) -> tuple[float, float] | None:
    """Return µm per pixel along x and y: what OME says, else the resolution tags, else None."""
    text = (keyframe.description or "")[:_LONGEST_DESCRIPTION] if tiff.is_ome else ""
    told = {match[1]: float(match[2]) for match in _PHYSICAL.finditer(text)}
    if {"X", "Y"} <= told.keys() and not _OTHER_UNIT.search(text):
        return told["X"], told["Y"]
    unit = keyframe.tags.get("ResolutionUnit")
    tags = [keyframe.tags.get(name) for name in ("XResolution", "YResolution")]
    if unit is None or int(unit.value) not in _MICROMETRES or not all(tag and tag.value[0] for tag in tags):
        return None
    x, y = (_MICROMETRES[int(unit.value)] * tag.value[1] / tag.value[0] for tag in tags)
    return x, y


def _names(tiff: tifffile.TiffFile, series: Any, count: int) -> list[str]:
    """Return what the file calls its channels, each by a name of its own.

    OME, then one name a page, then ImageJ, else numbers.
    """
    found: Sequence[str] = ()
    if tiff.is_ome:
        text = (tiff.pages[0].description or "")[:_LONGEST_DESCRIPTION]  # type: ignore[union-attr]
        told = [_NAME_ATTRIBUTE.search(match[1]) for match in _OME_CHANNEL.finditer(text)]
        found = [html.unescape(name[1]) if name else "" for name in told]
    elif tiff.is_qpi:
        texts = [getattr(page, "description", "") for page in series.pages[:count]]
        matches = [_NAME_ELEMENT.search(text) for text in texts]
        found = [html.unescape(match[1]) if match else "" for match in matches]
    elif tiff.is_imagej and isinstance(tiff.imagej_metadata, dict):
        found = [str(label) for label in tiff.imagej_metadata.get("Labels") or ()]
    if int(series.keyframe.photometric) == tifffile.PHOTOMETRIC.RGB and len(found) < count:
        found = ["Red", "Green", "Blue"]
    names: list[str] = []
    for index in range(count):
        name = _clean(found[index] if index < len(found) else "", index)
        names.append(f"{name} ({index + 1})" if name in names else name)
    return names


def _clean(name: str, index: int) -> str:
    """Return a name that is safe to show: printable, short, never empty."""
    printable = "".join(character for character in name if character.isprintable()).strip()
    return printable[:LONGEST_NAME] or f"Channel {index + 1}"
