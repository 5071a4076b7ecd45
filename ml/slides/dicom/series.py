"""One whole slide image of one or more DICOM instances: levels, optical paths and focal planes.

The instances of a series may hold one level each, a part of a level (a concatenation, PS3.3 C.7.6.16.2.2), or
one optical path or focal plane of a level.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.multival import MultiValue

from ml.messages import Message
from ml.slides.dicom.codecs import FrameDamagedError, FrameFormat, decode_frame
from ml.slides.dicom.colours import judge_model, partial_to_full, to_rgb
from ml.slides.dicom.frames import FrameGrid, FrameStore, frame_format, frame_grid
from ml.slides.dicom.header import Flavour, Header, attribute_missing, is_dicom, read_header
from ml.slides.errors import SlideError

_MOST_INSTANCES: Final = 4096
_CACHE_BYTES: Final = 96 << 20
# Between the proportions of two levels of one slide.
_SAME_SHAPE: Final = 0.05
_SAMPLED_FRAMES: Final = 5


class Instance:
    """The pixels of one file. Safe to use from several threads."""

    def __init__(self, header: Header) -> None:
        self.header = header
        self.photometric = header.text("PhotometricInterpretation").upper()
        self.grid: FrameGrid = frame_grid(header)
        self.name = header.path.name
        self._store = FrameStore(header, frame_format(header), self.grid.frames)
        self.frame: FrameFormat = self._store.frame
        self._palette = _palette(header) if self.photometric == "PALETTE COLOR" else None

    @property
    def is_colour(self) -> bool:
        """Return whether a pixel has a colour of its own."""
        return self.frame.samples == 3 or self._palette is not None  # noqa: PLR2004 - red, green, blue

    @cached_property
    def used_bits(self) -> int:
        """The bits of a grey or colour value that are in use: those stated, else those of sampled frames."""
        stated = self.header.whole("BitsStored") or self.frame.bits
        if not 0 < stated < self.frame.bits and self.frame.bits > 8:  # noqa: PLR2004 - one byte
            tops = [int(frame.max()) for _, frame in self._sampled()]
            return max(8, *(top.bit_length() for top in tops)) if tops else self.frame.bits
        return min(max(stated, 1), self.frame.bits)

    @cached_property
    def model(self) -> str:
        """The colour model of the stored samples; see ``judge_model``."""
        sampled = self._sampled()
        scaled = [self._to_bytes(frame) for _, frame in sampled]
        stored = [data for data, _ in sampled] if self.frame.is_lossy_jpeg else []
        return judge_model(self.photometric, stored, scaled)

    def samples(self, number: int) -> NDArray[Any] | None:
        """Return the stored samples (h, w, samples) of a frame, None for one that is empty.

        Signed values are moved up, so that the lowest is 0; inverted grey is turned round. Raises
        SlideError (``unreadable``).
        """
        pixels = self._decoded(number)
        if pixels is None:
            return None
        if self.frame.is_signed:
            kind = np.uint8 if self.frame.bits == 8 else np.uint16  # noqa: PLR2004 - bits of a byte
            pixels = (pixels.astype(np.int32) + (1 << (self.frame.bits - 1))).astype(kind)
        if self.photometric == "MONOCHROME1":
            top = (1 << (self.header.whole("BitsStored") or self.frame.bits)) - 1
            pixels = (top - np.minimum(pixels, top)).astype(pixels.dtype)
        return pixels

    def colours(self, number: int) -> NDArray[np.uint8] | None:
        """Return a frame as RGB (h, w, 3) uint8, None for one that is empty; see ``samples``."""
        if self.frame.is_lossy_jpeg and self._palette is None and self.is_colour:
            # The decoder's own conversion is exact and quick.
            return self._decoded(number, self.model)
        pixels = self.samples(number)
        if pixels is None:
            return None
        if self._palette is not None:
            first, table = self._palette
            return table[np.clip(pixels[..., 0].astype(np.int64) - first, 0, len(table) - 1)]
        small = self._to_bytes(pixels)
        if small.shape[2] == 1:
            return np.repeat(small, 3, axis=2)
        if self.photometric.startswith("YBR_PARTIAL"):
            small = partial_to_full(small)
        return to_rgb(small, self.model)

    def _decoded(self, number: int, model: str = "") -> NDArray[Any] | None:
        try:
            data = self._store.read(number)
            return decode_frame(data, self.frame, to_rgb_from=model) if data else None
        except FrameDamagedError as error:
            message = Message(
                "dicom_frame_damaged",
                number=number + 1,
                file=self.name,
            )
            raise SlideError(message, code="unreadable") from error

    def _to_bytes(self, pixels: NDArray[Any]) -> NDArray[np.uint8]:
        bits = self.used_bits
        return (pixels >> (bits - 8) if bits > 8 else pixels).astype(np.uint8)  # noqa: PLR2004

    def _sampled(self) -> list[tuple[bytes, NDArray[Any]]]:
        """Return bytes and samples of frames spread over the instance, damaged and empty ones left out."""
        count = self.grid.frames
        numbers = sorted(
            {round(part * (count - 1)) for part in np.linspace(0, 1, min(count, _SAMPLED_FRAMES))}
        )
        sampled = []
        for number in numbers:
            try:
                pixels = self.samples(number)
            except SlideError:
                continue
            if pixels is not None:
                sampled.append((self._store.read(number), pixels))
        return sampled


@dataclass
class _Image:
    """The instances that hold one optical path and focal plane of a level, and its numbers in each."""

    parts: list[tuple[Instance, int, int]] = field(default_factory=list)


class Series:
    """A slide: ``sizes`` are (width, height) of its levels, largest first. Safe to use from several threads.

    ``paths`` names the optical paths, ``planes`` counts the focal planes.
    """

    def __init__(self, path: Path, instances: Sequence[Instance]) -> None:
        self.path = path
        self.levels = _levels(path, instances)
        top = self.levels[0]
        self.sizes = [level.size for level in self.levels]
        self.paths = top.path_names
        self.planes = len(top.depths)
        self.first = top.first
        self.is_colour = self.first.is_colour
        self.tile_size = (self.first.frame.columns, self.first.frame.rows)
        self.bits = self.first.frame.bits
        self._cache: OrderedDict[tuple[str, int, bool], NDArray[Any] | None] = OrderedDict()
        self._cached_bytes = 0
        self._lock = Lock()

    def fetch(
        self,
        level: int,
        box: tuple[int, int, int, int],
        *,
        path: int = 0,
        plane: int | None = None,
        colour: bool = True,
    ) -> NDArray[Any]:
        """Return ``box`` = (left, top, right, bottom) in pixels of a level.

        The result is RGB (h, w, 3) uint8 or, without ``colour``, the values (h, w) of one optical path. Where
        no frame is stored, colour is white and a path is 0. Raises SlideError(``unreadable``).
        """
        left, top, right, bottom = box
        shape: tuple[int, ...] = (bottom - top, right - left)
        kind = np.uint8 if colour or self.bits == 8 else np.uint16  # noqa: PLR2004 - bits of a byte
        out: NDArray[Any] = np.full((*shape, 3), 255, kind) if colour else np.zeros(shape, kind)
        for instance, own_path, own_plane in self.levels[level].parts(path, plane):
            for one in instance.grid.inside(own_path, own_plane, box):
                pixels = self._frame(instance, one.number, colour=colour)
                if pixels is None:
                    continue
                y0, y1 = max(one.y, top), min(one.y + pixels.shape[0], bottom)
                x0, x1 = max(one.x, left), min(one.x + pixels.shape[1], right)
                if y1 > y0 and x1 > x0:
                    part = pixels[y0 - one.y : y1 - one.y, x0 - one.x : x1 - one.x]
                    out[y0 - top : y1 - top, x0 - left : x1 - left] = part
        return out

    def _frame(self, instance: Instance, number: int, *, colour: bool) -> NDArray[Any] | None:
        key = (instance.name, number, colour)
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
        if colour:
            pixels: NDArray[Any] | None = instance.colours(number)
        else:
            stored = instance.samples(number)
            pixels = None if stored is None else np.ascontiguousarray(stored[..., 0])
        with self._lock:
            if key not in self._cache:
                self._cache[key] = pixels
                self._cached_bytes += 0 if pixels is None else pixels.nbytes
            while self._cached_bytes > _CACHE_BYTES and len(self._cache) > 1:
                old = self._cache.popitem(last=False)[1]
                self._cached_bytes -= 0 if old is None else old.nbytes
        return pixels


class _Level:
    """One level: the images of each optical path and focal plane."""

    def __init__(self, size: tuple[int, int], instances: Sequence[Instance]) -> None:
        self.size = size
        self.first = instances[0]
        images: dict[tuple[str, float], _Image] = defaultdict(_Image)
        names: dict[str, str] = {}
        for instance in instances:
            for own_path, (identifier, name) in enumerate(instance.grid.paths):
                names.setdefault(identifier, name)
                for own_plane, depth in enumerate(instance.grid.depths):
                    image = images[identifier, depth]
                    if not image.parts or _continues(image.parts[0][0].header, instance.header):
                        image.parts.append((instance, own_path, own_plane))
        self.path_names = [name or f"Path {identifier}" for identifier, name in names.items()]
        self.depths = sorted({depth for _, depth in images})
        self._images = images
        self._identifiers = list(names)

    def parts(self, path: int, plane: int | None) -> list[tuple[Instance, int, int]]:
        """Return the instances of one path and plane; the middle plane by default or beyond the last."""
        middle = (len(self.depths) - 1) // 2
        number = plane if plane is not None and plane < len(self.depths) else middle
        image = self._images.get(
            (self._identifiers[min(path, len(self._identifiers) - 1)], self.depths[number])
        )
        return image.parts if image else []


def _continues(first: Header, other: Header) -> bool:
    """Return whether two instances are parts of one concatenation."""
    uid = first.text("ConcatenationUID")
    return bool(uid) and uid == other.text("ConcatenationUID")


def _levels(path: Path, instances: Sequence[Instance]) -> list[_Level]:
    by_size: dict[tuple[int, int], list[Instance]] = defaultdict(list)
    for instance in instances:
        by_size[instance.grid.width, instance.grid.height].append(instance)
    if not by_size:
        raise SlideError(
            Message(
                "folder_without_dicom",
                file=path.name,
            ),
            code="not_a_slide",
        )
    sizes = sorted(by_size, reverse=True)
    shape = sizes[0][0] / sizes[0][1]
    same_kind = by_size[sizes[0]][0].is_colour
    return [
        _Level(size, by_size[size])
        for size in sizes
        if abs(size[0] / size[1] / shape - 1) <= _SAME_SHAPE and by_size[size][0].is_colour == same_kind
    ]


def read_series(path: Path) -> Series:
    """Open the slide of a DICOM file and of the files beside it that belong to its series, or of a folder.

    Raises SlideError: ``not_a_slide``, ``unsupported`` with the attribute or the transfer syntax that is
    the cause, or ``unreadable``.
    """
    headers = _headers(path)
    chosen = choose_levels(headers)
    if not chosen:
        raise _no_slide(path, headers)
    return Series(path, [Instance(header) for header in chosen])


def _headers(path: Path) -> list[Header]:
    folder = path if path.is_dir() else path.parent
    own = None if path.is_dir() else read_header(path)
    if own is None and not path.is_dir():
        message = Message("dicom_header_damaged", file=path.name)
        raise SlideError(message, code="unreadable")
    others = (
        other for other in sorted(folder.iterdir()) if other.is_file() and other != path and is_dicom(other)
    )
    headers = [own] if own is not None else []
    for _, other in zip(range(_MOST_INSTANCES), others, strict=False):
        header = read_header(other)
        if header is not None:
            headers.append(header)
    slides = [header for header in headers if header.is_slide] or headers[:1]
    series = slides[0].text("SeriesInstanceUID") if slides else ""
    if not series:
        return slides[:1]
    return [header for header in slides if header.text("SeriesInstanceUID") == series]


def choose_levels(headers: Sequence[Header]) -> list[Header]:
    """Return the headers of the levels of a slide, largest first, without labels, overviews and thumbnails.

    An instance whose ImageType does not tell is a level when it is tiled, when it has the proportions of the
    tiled ones, or when there is nothing else.
    """
    slides = [header for header in headers if header.is_slide]
    stated = [header for header in slides if header.flavour is Flavour.VOLUME]
    unstated = [header for header in slides if header.flavour is Flavour.UNSTATED]
    plain = [header for header in unstated if header.text("SpecimenLabelInImage").upper() != "YES"]
    chosen = stated + [header for header in plain if header.is_tiled]
    single = [header for header in plain if not header.is_tiled]
    if chosen:
        shapes = [_shape(header) for header in chosen]
        chosen += [
            one
            for one in single
            if any(_shape(one) and abs(_shape(one) / s - 1) <= _SAME_SHAPE for s in shapes if s)
        ]
    else:
        # A picture of one frame alone is a small slide rather than a label.
        chosen = single[:1] if len(single) == 1 else sorted(single, key=lambda one: -one.size[0])[:1]
    return sorted(chosen, key=lambda header: (-header.size[0], header.path.name))


def _shape(header: Header) -> float:
    width, height = header.size
    return width / height if width and height else 0.0


def _no_slide(path: Path, headers: Sequence[Header]) -> SlideError:
    header = next(iter(headers), None)
    if header is None:
        message = Message(
            "folder_without_dicom",
            file=path.name,
        )
    elif not header.is_slide:
        message = Message(
            "dicom_other_class",
            file=header.path.name,
        )
    else:
        message = Message(
            "dicom_picture_beside",
            file=header.path.name,
        )
    return SlideError(message, code="not_a_slide")


def _palette(header: Header) -> tuple[int, NDArray[np.uint8]]:
    """Return the first value and the colours (n, 3) of a palette (PS3.3 C.7.9); raises SlideError."""
    descriptor = header.dataset.get("RedPaletteColorLookupTableDescriptor")
    tables = [
        header.dataset.get(f"{colour}PaletteColorLookupTableData") for colour in ("Red", "Green", "Blue")
    ]
    if not isinstance(descriptor, Sequence | MultiValue) or len(descriptor) < 3 or not all(tables):  # noqa: PLR2004
        raise attribute_missing(header.path, "RedPaletteColorLookupTableDescriptor")
    bits = int(descriptor[2])
    kind = np.dtype("<u2") if bits > 8 else np.dtype("u1")  # noqa: PLR2004 - bits of a byte
    columns = [
        np.frombuffer(bytes(table)[: len(bytes(table)) // kind.itemsize * kind.itemsize], kind)
        for table in tables
    ]
    length = min(len(column) for column in columns)
    colours = np.stack([column[:length] for column in columns], axis=-1)
    return int(descriptor[1]), (colours >> 8 if bits > 8 else colours).astype(np.uint8)  # noqa: PLR2004
