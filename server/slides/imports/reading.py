"""Whitelisted facts of a slide file: format, size, resolution. Other header text is dropped."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml.messages import Message
from ml.slides.dicom.header import is_dicom
from ml.slides.errors import SlideError
from ml.slides.files.stacks import Stack
from ml.slides.resolution import estimate_power, name_format, read_scale
from ml.slides.resolution.formats import is_tiff
from ml.slides.tiff.interpretation import HEADER_ERRORS, Interpretation, interpretation_of
from server.slides.errors import UnreadableSlideError
from server.slides.imports.path_choice import ReadingPath, choose_path, confirm_channels, places_of
from server.slides.tiles.channel_source import CHANNELS, ChannelSource
from server.slides.tiles.channels import Channel
from server.slides.tiles.colour import NONE, find_profile, judge_profile
from server.slides.tiles.drawing import Plan, SlidePixels
from server.slides.tiles.pyramid import Pyramid
from server.slides.tiles.sources import choose_tile_size


@dataclass(frozen=True)
class SlideFacts:
    """Facts of a readable slide. Resolution is µm per level-0 pixel, None where unknown.

    ``interpretation`` is how the samples of a TIFF become colours, None for other formats. ``colour`` is
    what the file's colour profile asks for: ``none``, ``srgb`` or ``converted``.
    """

    source: str
    format: str
    width: int
    height: int
    tile_size: int
    level_count: int
    mpp_x: float | None
    mpp_y: float | None
    magnification: float | None
    is_resolution_estimated: bool = False
    is_magnification_estimated: bool = False
    resolution_notes: tuple[dict[str, Any], ...] = ()
    stored_levels: dict[int, int] = field(default_factory=dict)
    colour: str = NONE
    channels: tuple[Channel, ...] = ()
    interpretation: Interpretation | None = None
    stack: Stack = field(default_factory=Stack)

    @property
    def plan(self) -> Plan:
        """The reading plan of the file."""
        pyramid = Pyramid(self.width, self.height, self.tile_size)
        return Plan(
            self.source, pyramid, self.stored_levels, self.channels, interpretation=self.interpretation
        )

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> SlideFacts:
        """Return the facts from their JSON values."""
        values["stored_levels"] = {int(z): page for z, page in values["stored_levels"].items()}
        values["resolution_notes"] = tuple(values["resolution_notes"])
        values["channels"] = tuple(Channel.from_values(one) for one in values["channels"])
        if values["interpretation"] is not None:
            values["interpretation"] = Interpretation.from_values(values["interpretation"])
        values["stack"] = Stack(**values["stack"])
        return cls(**values)


def open_pixels(path: Path, facts: SlideFacts) -> tuple[SlidePixels, bytes | None]:
    """Return the slide's pixels in sRGB, and the profile of their conversion."""
    profile = judge_profile(find_profile(path))[1] if not facts.channels else None
    return SlidePixels(path, facts.plan, profile), profile


def read_facts(path: Path) -> SlideFacts:
    """Return the facts of a slide, by the first reading path whose pixels are confirmed.

    Raises UnreadableSlideError with a sentence that names the reason.
    """
    try:
        return _facts_of_tiff(path) if is_tiff(path) else _facts_of_other(path)
    except SlideError as error:
        raise UnreadableSlideError(error.detail, code=error.code) from error


def _facts_of_tiff(path: Path) -> SlideFacts:
    interpretation = interpretation_of(path)
    if interpretation.reader == CHANNELS:
        return _channel_facts(path, ChannelSource(path, interpretation=interpretation), interpretation)
    return _facts(path, choose_path(path, interpretation))


def _facts_of_other(path: Path) -> SlideFacts:
    """Return the facts of a slide that is not a TIFF."""
    try:
        source = ChannelSource(path)
    except (SlideError, *HEADER_ERRORS):
        source = None
    if source is not None:
        return _channel_facts(path, source, None)
    try:
        return _facts(path, choose_path(path, None))
    except UnreadableSlideError as error:
        if is_dicom(path) or error.specific_code == "pixels_disagree":
            raise
        message = Message("not_a_slide")
        raise UnreadableSlideError(message, code=message.code) from error


def _facts(path: Path, chosen: ReadingPath) -> SlideFacts:
    pyramid = chosen.pyramid
    return SlideFacts(
        source=chosen.name,
        format=name_format(path),
        width=pyramid.width,
        height=pyramid.height,
        tile_size=pyramid.tile_size,
        level_count=len(pyramid.levels),
        **vars(read_scale_facts(path, (pyramid.width, pyramid.height))),
        stored_levels=chosen.stored_levels,
        colour=judge_profile(find_profile(path))[0],
        interpretation=chosen.interpretation,
    )


def _channel_facts(path: Path, source: ChannelSource, interpretation: Interpretation | None) -> SlideFacts:
    """Return the facts of a multi-channel slide; raises UnreadableSlideError."""
    width, height = source.sizes[0]
    pyramid = Pyramid(width, height, choose_tile_size(*source.tile_size, width, height))
    channels = source.describe()
    for x, y in places_of(pyramid):
        left, top, side = x * pyramid.tile_size, y * pyramid.tile_size, pyramid.tile_size
        for index in range(source.count):
            source.read(index, (left, top, min(left + side, width), min(top + side, height)), (1, 1))
    if interpretation is not None:
        confirm_channels(path, interpretation, source, channels)
    return SlideFacts(
        source=CHANNELS,
        format=source.format,
        width=width,
        height=height,
        tile_size=pyramid.tile_size,
        level_count=len(pyramid.levels),
        **vars(read_scale_facts(path, (width, height))),
        channels=channels,
        interpretation=interpretation,
    )


@dataclass(frozen=True)
class ScaleFacts:
    """Resolution (µm per level-0 pixel) and magnification of a file; None where unknown."""

    mpp_x: float | None
    mpp_y: float | None
    magnification: float | None
    is_resolution_estimated: bool
    is_magnification_estimated: bool
    resolution_notes: tuple[dict[str, Any], ...]


def read_scale_facts(path: Path, size: tuple[int, int]) -> ScaleFacts:
    """Return the facts about resolution and magnification of a file whose level 0 is ``size`` pixels."""
    scale = read_scale(path, size)
    resolution = scale.resolution
    return ScaleFacts(
        mpp_x=round(resolution.x, 6) if resolution else None,
        mpp_y=round(resolution.y, 6) if resolution else None,
        magnification=scale.power or estimate_power(resolution),
        is_resolution_estimated=scale.estimated,
        is_magnification_estimated=scale.power is None,
        resolution_notes=tuple(note.as_json() for note in scale.notes),
    )
