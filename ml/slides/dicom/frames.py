"""Frames of one instance: the place of each in the file, and in the slide.

Only the bytes of a frame that a request needs are read. Offsets come from the extended or the basic offset
table (PS3.5 A.4), or from a walk over the fragments; none is believed beyond the end of the file.
"""

from __future__ import annotations

import os
import struct
from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from ml.messages import Message
from ml.slides.dicom.codecs import NATIVE, FrameDamagedError, FrameFormat
from ml.slides.dicom.header import (
    Header,
    attribute_missing,
    item_text,
    real_number,
    sequence_items,
    whole_number,
)
from ml.slides.errors import SlideError

_PIXEL_DATA: Final = (0x7FE0, 0x0010)
_ITEM, _DELIMITER = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
_UNDEFINED: Final = 0xFFFFFFFF
_LONG_VR: Final = frozenset({b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"UN"})
_IMPLICIT: Final = "1.2.840.10008.1.2"
_FRAME_STARTS: Final = (b"\xff\xd8", b"\xff\x4f\xff\x51")
_MOST_FRAMES: Final = 20_000_000


class FrameStore:
    """The stored bytes of the frames of one file. Safe to use from several threads.

    ``frame`` is their format as the length of the file shows it, where the header is wrong.
    """

    def __init__(self, header: Header, frame: FrameFormat, count: int) -> None:
        self.frame = frame
        self._count = count
        self._descriptor = os.open(header.path, os.O_RDONLY | os.O_CLOEXEC)
        self._length = os.fstat(self._descriptor).st_size
        self._start = 0
        self._fragments: list[list[tuple[int, int]]] | None = None
        self._locate(header)

    def __del__(self) -> None:
        if hasattr(self, "_descriptor"):
            os.close(self._descriptor)

    def read(self, number: int) -> bytes:
        """Return the bytes of a frame; raises FrameDamagedError where the file ends before it does."""
        if self._fragments is None:
            length = self.frame.frame_bytes
            parts = [(self._start + number * length, length)]
        elif number < len(self._fragments):
            parts = self._fragments[number]
        else:
            parts = []
        if not parts or any(at + length > self._length for at, length in parts):
            message = "the file ends before the frame does"
            raise FrameDamagedError(message)
        return b"".join(os.pread(self._descriptor, length, at) for at, length in parts)

    def _locate(self, header: Header) -> None:
        """Locate the value of the pixel data element and, where it is encapsulated, its fragments."""
        order = ">" if header.syntax == "1.2.840.10008.1.2.2" else "<"
        head = os.pread(self._descriptor, 12, header.pixels_at)
        if len(head) < 8 or struct.unpack(f"{order}HH", head[:4]) != _PIXEL_DATA:  # noqa: PLR2004
            raise attribute_missing(header.path, "PixelData")
        if header.syntax == _IMPLICIT or head[4:6] not in _LONG_VR:
            length, value_at = struct.unpack(f"{order}I", head[4:8])[0], header.pixels_at + 8
        else:
            length, value_at = struct.unpack(f"{order}I", head[8:12])[0], header.pixels_at + 12
        self._start = value_at
        if header.syntax not in NATIVE:
            if length != _UNDEFINED:
                raise attribute_missing(header.path, "PixelData")
            self._fragments = self._encapsulated(header, value_at)
            return
        full = replace(self.frame, is_subsampled=False)
        if self.frame.is_subsampled and length >= self._count * full.frame_bytes:
            # Writers that copy the header of a JPEG keep its YBR_FULL_422 beside samples of every pixel.
            self.frame = full

    def _encapsulated(self, header: Header, at: int) -> list[list[tuple[int, int]]]:
        tag, length = self._item(at)
        if tag != _ITEM:
            raise attribute_missing(header.path, "PixelData")
        table = os.pread(self._descriptor, min(length, 4 * self._count), at + 8)
        first = at + 8 + length
        offsets = _extended_offsets(header) or [
            one[0] for one in struct.iter_unpack("<I", table[: len(table) // 4 * 4])
        ]
        if len(offsets) == self._count and offsets == sorted(offsets):
            return [
                self._fragments_from(first + one, self._next(offsets, i, first))
                for i, one in enumerate(offsets)
            ]
        return self._grouped(first)

    def _next(self, offsets: list[int], index: int, first: int) -> int:
        return first + offsets[index + 1] if index + 1 < len(offsets) else self._length

    def _item(self, at: int) -> tuple[tuple[int, int], int]:
        head = os.pread(self._descriptor, 8, at)
        if len(head) < 8:  # noqa: PLR2004 - a tag and a length
            return _DELIMITER, 0
        group, element, length = struct.unpack("<HHI", head)
        return (group, element), length

    def _fragments_from(self, at: int, end: int) -> list[tuple[int, int]]:
        """Return (offset, length) of the fragments between two places, up to the delimiter."""
        fragments = []
        while at < end:
            tag, length = self._item(at)
            if tag != _ITEM:
                break
            fragments.append((at + 8, length))
            at += 8 + length
        return fragments

    def _grouped(self, first: int) -> list[list[tuple[int, int]]]:
        """Return the fragments of each frame of a file without a table of offsets."""
        fragments = self._fragments_from(first, self._length)
        if len(fragments) == self._count:
            return [[fragment] for fragment in fragments]
        if self._count == 1:
            return [fragments]
        frames: list[list[tuple[int, int]]] = []
        for at, length in fragments:
            if os.pread(self._descriptor, 4, at).startswith(_FRAME_STARTS) or not frames:
                frames.append([])
            frames[-1].append((at, length))
        return frames


def _extended_offsets(header: Header) -> list[int]:
    value: Any = header.dataset.get("ExtendedOffsetTable")
    return (
        [one[0] for one in struct.iter_unpack("<Q", value)]
        if isinstance(value, bytes) and len(value) % 8 == 0
        else []
    )


@dataclass(frozen=True)
class PlacedFrame:
    """A frame and the upper left corner of its pixels in the total pixel matrix."""

    number: int
    x: int
    y: int


@dataclass(frozen=True)
class FrameGrid:
    """The frames of one instance by optical path and focal plane.

    ``paths`` names the optical paths; ``depths`` holds the focal planes in µm, nearest the slide first;
    ``skipped`` frames are in earlier files of a concatenation.
    """

    width: int
    height: int
    tile_width: int
    tile_height: int
    frames: int
    paths: tuple[tuple[str, str], ...]
    depths: tuple[float, ...]
    placed: dict[tuple[int, int], list[PlacedFrame]] | None = field(default=None, repr=False)
    skipped: int = 0

    @property
    def across(self) -> int:
        """The number of tiles in a row."""
        return -(-self.width // self.tile_width)

    @property
    def down(self) -> int:
        """The number of rows of tiles."""
        return -(-self.height // self.tile_height)

    def inside(self, path: int, plane: int, box: tuple[int, int, int, int]) -> list[PlacedFrame]:
        """Return the frames that touch ``box`` = (left, top, right, bottom), in the order of the file."""
        left, top, right, bottom = box
        wide, tall = self.tile_width, self.tile_height
        if self.placed is not None:
            cells = self._cells
            keys = [
                (path, plane, column, row)
                for row in range((top - tall + 1) // tall, (bottom - 1) // tall + 1)
                for column in range((left - wide + 1) // wide, (right - 1) // wide + 1)
            ]
            touching = [one for key in keys for one in cells.get(key, ())]
            return sorted(
                (
                    one
                    for one in touching
                    if one.x < right and one.y < bottom and one.x + wide > left and one.y + tall > top
                ),
                key=lambda one: one.number,
            )
        first = (path * len(self.depths) + plane) * self.across * self.down - self.skipped
        frames = (
            PlacedFrame(first + row * self.across + column, column * wide, row * tall)
            for row in range(top // tall, -(-bottom // tall))
            for column in range(left // wide, -(-right // wide))
        )
        return [one for one in frames if 0 <= one.number < self.frames]

    @cached_property
    def _cells(self) -> dict[tuple[int, int, int, int], list[PlacedFrame]]:
        cells: dict[tuple[int, int, int, int], list[PlacedFrame]] = defaultdict(list)
        for (path, plane), frames in (self.placed or {}).items():
            for one in frames:
                cells[path, plane, one.x // self.tile_width, one.y // self.tile_height].append(one)
        return cells


def frame_grid(header: Header) -> FrameGrid:
    """Return the places of the frames of an instance; raises SlideError that names a missing attribute."""
    tile_height, tile_width = header.required("Rows"), header.required("Columns")
    width, height = header.size
    if not width or not height:
        raise attribute_missing(header.path, "TotalPixelMatrixRows" if width else "TotalPixelMatrixColumns")
    tiles = -(-width // tile_width) * -(-height // tile_height)
    if tiles > _MOST_FRAMES:
        raise _too_many_tiles(header, tiles)
    paths = _optical_paths(header)
    per_frame = header.items("PerFrameFunctionalGroupsSequence")
    is_sparse = "TILED_SPARSE" in header.texts("DimensionOrganizationType")
    if is_sparse or (not header.text("DimensionOrganizationType") and _are_placed(per_frame)):
        return _sparse(header, (width, height, tile_width, tile_height), paths, per_frame)
    stated = header.whole("NumberOfFrames")
    planes = header.whole("TotalPixelMatrixFocalPlanes") or 0
    if planes < 1:
        # An attribute that many writers leave out: the number of frames tells.
        planes = max(1, (stated or 0) // (tiles * len(paths)))
    needed = tiles * planes * len(paths)
    frames = stated or needed
    if frames > _MOST_FRAMES:
        raise _too_many_tiles(header, frames)
    is_part = bool(header.text("ConcatenationUID"))
    if frames != needed and not (is_part and frames < needed):
        message = Message(
            "dicom_frames_mismatch",
            file=header.path.name,
            frames=frames,
            needed=needed,
        )
        raise SlideError(message, code="unsupported")
    skipped = max(0, header.whole("ConcatenationFrameOffsetNumber") or 0) if is_part else 0
    size = (width, height, tile_width, tile_height)
    return FrameGrid(*size, frames, paths, _depths(header, planes), skipped=skipped)


def _too_many_tiles(header: Header, tiles: int) -> SlideError:
    message = Message(
        "dicom_too_many_tiles",
        file=header.path.name,
        tiles=tiles,
    )
    return SlideError(message, code="too_large")


def _optical_paths(header: Header) -> tuple[tuple[str, str], ...]:
    """Return (identifier, description) of each optical path, at least one."""
    items = header.items("OpticalPathSequence")
    paths = [
        (item_text(item, "OpticalPathIdentifier") or str(number), item_text(item, "OpticalPathDescription"))
        for number, item in enumerate(items, start=1)
    ]
    count = max(1, min(header.whole("NumberOfOpticalPaths") or len(paths), 256))
    paths += [(str(number), "") for number in range(len(paths) + 1, count + 1)]
    return tuple(paths[:count])


def _depths(header: Header, planes: int) -> tuple[float, ...]:
    """Return the depths of focal planes that follow each other at one distance, in µm."""
    origin = next(iter(header.items("TotalPixelMatrixOriginSequence")), None)
    start = (real_number(origin, "ZOffsetInSlideCoordinateSystem") if origin is not None else None) or 0.0
    step = 1.0
    for group in header.items("SharedFunctionalGroupsSequence"):
        for measures in sequence_items(group, "PixelMeasuresSequence"):
            # In millimetres, unlike the offset.
            step = (real_number(measures, "SpacingBetweenSlices") or 0.001) * 1000
    return tuple(start + number * step for number in range(planes))


def _position(group: Any) -> Any:
    return next(sequence_items(group, "PlanePositionSlideSequence"), None)


def _are_placed(per_frame: list[Any]) -> bool:
    return bool(per_frame) and all(_position(group) is not None for group in per_frame)


def _sparse(
    header: Header,
    size: tuple[int, int, int, int],
    paths: tuple[tuple[str, str], ...],
    per_frame: list[Any],
) -> FrameGrid:
    """Return the grid of frames that state their own places (TILED_SPARSE)."""
    if not per_frame:
        raise attribute_missing(header.path, "PerFrameFunctionalGroupsSequence")
    numbers = {identifier: index for index, (identifier, _) in enumerate(paths)}
    places = []
    for number, group in enumerate(per_frame):
        position = _position(group)
        x, y = (
            whole_number(position, f"{axis}PositionInTotalImagePixelMatrix") if position is not None else None
            for axis in ("Column", "Row")
        )
        if x is None or y is None:
            raise attribute_missing(header.path, "PlanePositionSlideSequence")
        depth = round(real_number(position, "ZOffsetInSlideCoordinateSystem") or 0.0, 6)
        path = next(sequence_items(group, "OpticalPathIdentificationSequence"), None)
        identifier = item_text(path, "OpticalPathIdentifier") if path is not None else ""
        places.append((numbers.get(identifier, 0), depth, PlacedFrame(number, x - 1, y - 1)))
    depths = tuple(sorted({depth for _, depth, _ in places}))
    placed: dict[tuple[int, int], list[PlacedFrame]] = defaultdict(list)
    for path_number, depth, one in places:
        placed[path_number, depths.index(depth)].append(one)
    return FrameGrid(*size, len(places), paths, depths, dict(placed))


def frame_format(header: Header) -> FrameFormat:
    """Return the storage of an instance's frames; raises SlideError for an unsupported one."""
    photometric = header.text("PhotometricInterpretation").upper()
    samples = header.whole("SamplesPerPixel") or (1 if photometric.startswith(("MONO", "PALETTE")) else 3)
    frame = FrameFormat(
        syntax=header.syntax,
        rows=header.required("Rows"),
        columns=header.required("Columns"),
        samples=samples,
        bits=header.required("BitsAllocated"),
        is_signed=header.whole("PixelRepresentation") == 1,
        is_planar=header.whole("PlanarConfiguration") == 1 and samples > 1,
        is_subsampled=header.syntax in NATIVE and photometric == "YBR_FULL_422",
    )
    if not header.syntax:
        raise attribute_missing(header.path, "TransferSyntaxUID")
    frame.check(header.path)
    return frame
