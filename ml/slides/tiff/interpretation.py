"""Interpretation of a file's samples as the picture of a slide: decided once, used by every reader.

An import writes the decision beside the file as ``<name>.interpretation.json``; the tile route, the
thumbnail and the readers of ``ml`` all follow it. For a file without one the same decision is made from
the file alone.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import openslide
import tifffile

from ml.messages import Message
from ml.slides.errors import SlideError
from ml.slides.tiff.channels import (
    MOST_CHANNELS,
    channel_axis,
    channel_colours,
    channel_names,
    channel_planes,
    colour_of_name,
    is_nameless,
    metadata_file,
    ome_xml,
    other_files,
    planes_of_colours,
)
from ml.slides.tiff.failures import refuse_unsupported
from ml.slides.tiff.images import SLIDE, TiffImage, choose_image, list_images
from ml.slides.tiff.orientation import UPRIGHT, orientation_of
from ml.slides.tiff.scale import FULL, finite_ranges, measured_range, scale_of, whole_bits
from ml.slides.tiff.segments import Segments
from ml.slides.tiff.wide_samples import Span, is_wide, span_of, to_words

SIDECAR_SUFFIX: Final = ".interpretation.json"
OPENSLIDE, TIFF, CHANNELS = "openslide", "tiff", "channels"
# Formats whose levels OpenSlide puts together from several images or overlapping tiles.
STITCHED: Final = frozenset({"hamamatsu", "leica", "ventana", "zeiss", "sakura", "mirax", "dicom"})
_GENERIC: Final = "generic-tiff"
_PLAIN: Final = frozenset({1, 2, 6})
# None, LZW, JPEG, deflate in two numbers, PackBits and Zstandard.
_COMPRESSIONS: Final = frozenset({1, 5, 7, 8, 32946, 32773, 50000})
_BYTE: Final = 8
_MOST_NAMED: Final = 3
# Median of an overview, as a share of the values in use: glass around tissue is brighter than this.
_BRIGHT: Final = 0.5
# What a damaged directory makes tifffile raise.
HEADER_ERRORS: Final = (
    tifffile.TiffFileError, OSError, ValueError, LookupError, TypeError, AttributeError, struct.error,
    RuntimeError, AssertionError, ArithmeticError,
)  # fmt: skip


@dataclass(frozen=True)
class Interpretation:
    """Rules for reading a file as a slide.

    ``reader`` is ``openslide``, ``tiff`` or ``channels``; the rest is for the latter two. ``image`` is the
    index of the slide among the images of the file, ``orientation`` its TIFF orientation (1 to 8).
    Stored values from ``low`` to ``high`` are shown as 0 to 255. ``planes`` are the indices of the red,
    green and blue channel where colours are stored as channels, else empty. ``plane`` is the focal plane
    that is shown, counted from 0. ``spans`` are how samples of 32 bits are read as 16 bits: one for each
    channel, or one for all samples; empty where samples are read as stored.
    """

    reader: str
    image: int = 0
    orientation: int = UPRIGHT
    low: int = 0
    high: int = FULL
    planes: tuple[int, ...] = ()
    plane: int = 0
    spans: tuple[Span, ...] = ()

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> Self:
        """Return the interpretation from its JSON values."""
        spans = tuple((float(first), float(step)) for first, step in values.get("spans", ()))
        return cls(**{**values, "planes": tuple(values.get("planes", ())), "spans": spans})

    @property
    def is_as_stored(self) -> bool:
        """Return whether samples are shown upright, together and unscaled, as stored JPEG tiles are."""
        upright = self.orientation == UPRIGHT and not self.planes
        return self.reader != CHANNELS and upright and (self.low, self.high) == (0, FULL)

    def to_values(self) -> dict[str, Any]:
        """Return the interpretation as JSON values."""
        return {**asdict(self), "planes": list(self.planes), "spans": [list(span) for span in self.spans]}


@dataclass(frozen=True)
class ImageSummary:
    """One image of a file, for a person to choose from; its size is as stored, in pixels."""

    index: int
    name: str
    width: int
    height: int
    level_count: int


def interpretation_of(path: Path) -> Interpretation:
    """Return the interpretation of a TIFF: that of its import, else that of the file itself.

    Raises SlideError: ``unsupported``, ``not_a_slide`` or ``unreadable``.
    """
    stored = load_sidecar(path)
    if stored is not None:
        return stored
    status = path.stat()
    return _interpret_unchanged(path, status.st_mtime_ns, status.st_size)


def interpretation_at(
    path: Path, interpretation: Interpretation | None = None, plane: int | None = None
) -> Interpretation:
    """Return an interpretation, by default the file's, at a focal plane, by default the shown one."""
    chosen = interpretation or interpretation_of(path)
    return chosen if plane is None else replace(chosen, plane=plane)


@lru_cache(maxsize=256)
def _interpret_unchanged(path: Path, _changed: int, _size: int) -> Interpretation:
    return interpret(path)


def sidecar_of(path: Path) -> Path:
    """Return the path of the stored interpretation of a file."""
    return path.with_name(path.name + SIDECAR_SUFFIX)


def load_sidecar(path: Path) -> Interpretation | None:
    """Return the interpretation stored by an import; None where there is no usable one."""
    try:
        return Interpretation.from_values(json.loads(sidecar_of(path).read_bytes()))
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def save_sidecar(path: Path, interpretation: Interpretation) -> None:
    """Store the interpretation of a file beside it."""
    sidecar_of(path).write_text(json.dumps(interpretation.to_values()))


def list_candidates(path: Path) -> list[ImageSummary]:
    """Return the possible slide images of a TIFF, the likeliest first; one when there is no doubt."""
    if vendor_of(path) not in {None, _GENERIC}:
        return []
    try:
        with tifffile.TiffFile(path, _multifile=False) as tiff:
            images = list_images(tiff)
            chosen = choose_image(images)[1] if images else ()
            return [
                ImageSummary(index, one.name, one.width, one.height, one.level_count)
                for index, one in ((index, images[index]) for index in chosen)
            ]
    except HEADER_ERRORS:
        return []


def interpret(path: Path, image: int | None = None) -> Interpretation:
    """Return the interpretation of a TIFF, or of one ``image`` in it.

    Raises SlideError: ``unsupported`` naming the property, ``not_a_slide`` for a file that holds a
    label or macro photograph alone, or ``unreadable``.
    """
    vendor = vendor_of(path)
    if vendor in STITCHED:
        return Interpretation(OPENSLIDE)
    try:
        with tifffile.TiffFile(path, _multifile=False) as tiff:
            return _interpret(path, tiff, vendor, image)
    except HEADER_ERRORS as error:
        if vendor not in {None, _GENERIC}:
            return Interpretation(OPENSLIDE)
        message = Message(
            "tiff_header_damaged",
        )
        raise SlideError(message, code="unreadable") from error


def _interpret(path: Path, tiff: Any, vendor: str | None, image: int | None) -> Interpretation:
    images = list_images(tiff)
    if not images:
        message = "no image"
        raise tifffile.TiffFileError(message)
    number = _number_of_slide(images, vendor, image)
    chosen = images[number]
    _require_complete(path, tiff)
    plane = middle_plane(chosen.plane_count)
    page = chosen.page_at(0, plane)
    if vendor not in {None, _GENERIC} and orientation_of(page) == UPRIGHT:
        return Interpretation(OPENSLIDE)
    axis = channel_axis(chosen)
    if axis is not None:
        return _interpret_channels(path, tiff, chosen, number, axis, plane=plane)
    refuse_unsupported(page)
    is_single = len(images) == 1 and chosen.plane_count == 1
    if vendor == _GENERIC and is_single and _is_plain(page):
        return Interpretation(OPENSLIDE)
    levels = [[chosen.page_at(level, plane)] for level in range(chosen.level_count)]
    spans = _joint_span(path, levels)
    low, high = _scale(path, tiff, chosen, levels, spans)
    return Interpretation(TIFF, number, orientation_of(page), low, high, plane=plane, spans=spans)


def middle_plane(planes: int) -> int:
    """Return the index of the middle of some planes, from 0; the lower one of an even number."""
    return (planes - 1) // 2


def explain_part_of_set(path: Path, name: str) -> Message | None:
    """Return why one file of an OME-TIFF set is no slide, None for others; ``name`` is the given name."""
    try:
        with tifffile.TiffFile(path, _multifile=False) as tiff:
            return _part_of_set(tiff, name)
    except HEADER_ERRORS:
        return None


def _require_complete(path: Path, tiff: Any) -> None:
    """Raise SlideError for one file of an OME-TIFF set; files named in a header are not opened."""
    message = _part_of_set(tiff, path.name)
    if message is not None:
        raise SlideError(message, code="unsupported")


def _part_of_set(tiff: Any, name: str) -> Message | None:
    companion = metadata_file(tiff)
    if companion is not None:
        return Message(
            "ome_set_companion",
            file=name,
            companion=companion,
        )
    others = other_files(tiff)
    if not others:
        return None
    return Message(
        "ome_set",
        file=name,
        files=", ".join(others[:_MOST_NAMED]) + (", …" if len(others) > _MOST_NAMED else ""),
    )


def _number_of_slide(images: list[TiffImage], vendor: str | None, image: int | None) -> int:
    if image is not None:
        if not 0 <= image < len(images) or images[image].role != SLIDE:
            message = Message("no_such_image")
            raise SlideError(message, code="unsupported")
        return image
    number, candidates = choose_image(images)
    if not candidates and vendor in {None, _GENERIC}:
        message = Message(
            "only_label_or_macro",
        )
        raise SlideError(message, code="not_a_slide")
    return number


def _is_plain(page: Any) -> bool:
    """Return whether OpenSlide reads a page unchanged: 8 bits together, upright, opaque."""
    return (
        page.dtype == np.uint8
        and page.bitspersample == _BYTE
        and int(page.planarconfig) == 1
        and int(page.photometric) in _PLAIN
        and int(page.compression) in _COMPRESSIONS
        and orientation_of(page) == UPRIGHT
        and not any(name in page.tags for name in ("MaxSampleValue", "SMaxSampleValue"))
    )


def _interpret_channels(
    path: Path, tiff: Any, image: TiffImage, number: int, axis: str, *, plane: int
) -> Interpretation:
    """Return the interpretation of channels: colours of a stained slide, or fluorescence."""
    page = image.series.keyframe
    refuse_unsupported(page, MOST_CHANNELS)
    orientation = orientation_of(page)
    levels = [[one.page for one in channel_planes(level, axis, plane)] for level in image.series.levels]
    names = channel_names(tiff, image, len(levels[0]))
    planes = planes_of_colours([colour_of_name(name) for name in names]) if axis != "S" else None
    if planes is None and axis != "S" and all(is_nameless(name) for name in names):
        planes = planes_of_colours(channel_colours(tiff, image, len(names)))
        planes = planes if planes and _is_bright(path, levels) else None
    if planes is None:
        # The samples of one page are channels too, so a page alone has several ranges.
        pages = [level[:1] for level in levels] if axis == "S" else levels
        spans = tuple(
            span_of(page.keyframe.dtype, low, high, is_colour=False) for low, high in _ranges(path, pages)
        )
        return Interpretation(CHANNELS, number, orientation, plane=plane, spans=spans)
    spans = _joint_span(path, levels)
    low, high = _scale(path, tiff, image, levels, spans)
    return Interpretation(TIFF, number, orientation, low, high, planes, plane, spans)


def _ranges(path: Path, levels: list[list[Any]]) -> list[tuple[float, float]]:
    """Return the finite range of each sample of levels (pages of each); empty unless they are wide."""
    if not is_wide(levels[0][0].keyframe.dtype):
        return []
    return finite_ranges(*_stored_reader(path, levels))


def _joint_span(path: Path, levels: list[list[Any]]) -> tuple[Span, ...]:
    """Return the span of all samples together, so that colours keep their balance."""
    ranges = _ranges(path, levels)
    if not ranges:
        return ()
    low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
    return (span_of(levels[0][0].keyframe.dtype, low, high, is_colour=len(ranges) > 1),)


def _scale(
    path: Path, tiff: Any, image: TiffImage, levels: list[list[Any]], spans: tuple[Span, ...]
) -> tuple[int, int]:
    keyframe = levels[0][0].keyframe
    if int(keyframe.photometric) == tifffile.PHOTOMETRIC.PALETTE:
        return 0, FULL
    sizes, read = _stored_reader(path, levels, spans)
    if spans:
        return 0, max(1, whole_bits(measured_range(sizes, read)[1]))
    return scale_of(keyframe, ome_xml(tiff, image), sizes, read)


def _is_bright(path: Path, levels: list[list[Any]]) -> bool:
    """Return whether all channels are bright on glass, as those of a stained slide are."""
    sizes, read = _stored_reader(path, levels)
    high = max(high for _, high in finite_ranges(sizes, read))
    if not is_wide(levels[0][0].keyframe.dtype):
        high = whole_bits(int(high))
    smallest = len(sizes) - 1
    pixels = read(smallest, (0, 0, min(sizes[smallest][0], 4096), min(sizes[smallest][1], 4096)))
    return bool((np.median(pixels, axis=(0, 1)) > _BRIGHT * high).all())


def _stored_reader(
    path: Path, levels: list[list[Any]], spans: tuple[Span, ...] = ()
) -> tuple[list[tuple[int, int]], Any]:
    """Return the stored sizes of levels (pages of each), and a function that reads a box of one."""
    segments = Segments(path)
    for pages in levels:
        for page in pages:
            segments.prepare(page)

    def read(level: int, box: tuple[int, int, int, int]) -> Any:
        pixels = np.concatenate([segments.read(page, box) for page in levels[level]], axis=2)
        return to_words(pixels, spans[0]) if spans else pixels

    return [(int(pages[0].keyframe.imagewidth), int(pages[0].keyframe.imagelength)) for pages in levels], read


def vendor_of(path: Path) -> str | None:
    """Return OpenSlide's name of the format, such as ``aperio``; None for an unknown file."""
    try:
        vendor = openslide.OpenSlide.detect_format(path)
    except openslide.OpenSlideError:
        return None
    return str(vendor) if vendor else None
