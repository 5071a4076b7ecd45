"""Channels of a fluorescence or near-infrared slide, and their display settings.

The channels that a request names travel as ``index:colour:low:high``, separated by commas, for instance
``0:0000ff:120:4000,2:ff0000:0:65535``. It is numbers and colours only; nothing else is understood.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml.slides.tiff.channels import MOST_CHANNELS, colour_of_name
from ml.slides.tiff.scale import whole_bits

_SHOWN: Final = re.compile(r"(\d{1,2}):([0-9a-f]{6}):(\d{1,5}):(\d{1,5})", re.ASCII)
_DEEPEST: Final = 65_535
# Blue for the first, because it is nearly always the nuclear stain; the rest can be told apart.
_COLOURS: Final = ("3b6bff", "00d26a", "ff3b30", "ffd400", "00d5ff", "ff5cf0", "ff9500", "ffffff")
_RGB: Final = ("ff0000", "00ff00", "0000ff")
_SHOWN_AT_FIRST: Final = 4
_BYTE: Final = 8


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of a slide. ``low`` and ``high`` are the initial black and brightest values.

    ``bits`` is 8 or 16; ``top`` the brightest value that the import met.
    """

    name: str
    colour: str
    bits: int
    low: int
    high: int
    top: int
    visible: bool

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Channel:
        """Return the channel from its JSON values."""
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Shown:
    """A displayed channel: its colour (r, g, b) and the values shown as black and as brightest."""

    index: int
    colour: tuple[int, int, int]
    low: int
    high: int


Mix = tuple[Shown, ...]


def read_mix(text: str) -> Mix:
    """Return the channels that a client names; raises ValueError with a message."""
    parts = text.split(",") if text else []
    shown = tuple(_read_one(part) for part in parts)
    if len(shown) > MOST_CHANNELS or len({one.index for one in shown}) < len(shown):
        message = f"A picture has at most {MOST_CHANNELS} channels, each once."
        raise ValueError(message)
    return shown


def _read_one(text: str) -> Shown:
    match = _SHOWN.fullmatch(text)
    if match is None or not int(match[3]) < int(match[4]) <= _DEEPEST:
        message = "A channel is index:rrggbb:low:high, with 0 <= low < high <= 65535."
        raise ValueError(message)
    return Shown(int(match[1]), _rgb(match[2]), int(match[3]), int(match[4]))


def first_mix(channels: Sequence[Channel]) -> Mix:
    """Return the initial display of a slide."""
    return tuple(
        Shown(index, _rgb(channel.colour), channel.low, channel.high)
        for index, channel in enumerate(channels)
        if channel.visible
    )


def describe_channels(
    names: Sequence[str],
    bits: int,
    ranges: Sequence[tuple[int, int, int]],
    *,
    colours: Sequence[tuple[int, int, int] | None] = (),
    rgb: bool,
) -> tuple[Channel, ...]:
    """Return the channels of a slide; ``ranges`` are low, high, top of each.

    A channel has the colour that the file states, else the one that it is named for, else one that can be
    told from the others. With ``rgb`` the first three are an ordinary colour image, of the bits that are
    used, and the others wait until asked for.
    """
    stated = [*colours, *([None] * len(names))]
    brightest = max((top for _, _, top in ranges[: len(_RGB)]), default=0)
    channels = []
    for index, (name, (low, high, top)) in enumerate(zip(names, ranges, strict=True)):
        whole = rgb and index < len(_RGB)
        own = stated[index] or colour_of_name(name)
        colour = _RGB[index] if whole else _hex(own) if own else _COLOURS[index % len(_COLOURS)]
        full = (1 << bits) - 1 if bits == _BYTE else max(1, whole_bits(brightest))
        least, most = (0, full) if whole else (low, max(high, low + 1))
        visible = index < (len(_RGB) if rgb else _SHOWN_AT_FIRST)
        channels.append(Channel(name, colour, bits, least, most, max(top, most), visible))
    return tuple(channels)


def blend(planes: Sequence[NDArray[Any]], mix: Mix) -> NDArray[np.uint8]:
    """Return the sum (h, w, 3) uint8 of planes (h, w) of unsigned integers, each in its colour and range."""
    total = np.zeros((*planes[0].shape, 3), np.float32)
    for plane, shown in zip(planes, mix, strict=True):
        share = (plane.astype(np.float32) - shown.low) / np.float32(shown.high - shown.low)
        np.clip(share, 0, 1, out=share)
        for place, strength in enumerate(shown.colour):
            if strength:
                total[..., place] += share * np.float32(strength)
    return np.clip(total + np.float32(0.5), 0, 255).astype(np.uint8)


def _hex(colour: tuple[int, int, int]) -> str:
    return "{:02x}{:02x}{:02x}".format(*colour)


def _rgb(text: str) -> tuple[int, int, int]:
    return int(text[:2], 16), int(text[2:4], 16), int(text[4:], 16)
