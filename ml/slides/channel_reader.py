"""Slides of several channels, of fluorescence or near infrared, for methods that take them."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np
import tifffile
from numpy.typing import NDArray

from ml.contracts import Bounds, Channel, DataError, Sentence
from ml.slides.channel_planes import ChannelPlanes
from ml.slides.levels import plausible_mpp

FULL = 255


class ChannelReader:
    """A ``SlideReader`` of all channels. Raises ValueError for a file that has no channels.

    ``channels`` may be set to those of a model: the same names in its order, with its ranges.
    """

    def __init__(self, path: Path) -> None:
        self._planes = ChannelPlanes(path)
        self.path = path
        self.width, self.height = self._planes.sizes[0]
        self.mpp = plausible_mpp(self._planes.mpp[0]) if self._planes.mpp else None
        self.magnification: float | None = None
        self.names = tuple(self._planes.names)
        self._channels: tuple[Channel, ...] = ()

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Return the channels; unless they were set, each spans what an overview of the slide fills."""
        if not self._channels:
            ranges = self._planes.ranges()
            self._channels = tuple(
                Channel(name, low, max(high, low + 1))
                for name, (low, high, _) in zip(self.names, ranges, strict=True)
            )
        return self._channels

    @channels.setter
    def channels(self, channels: Sequence[Channel]) -> None:
        self._channels = tuple(channels)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the file: it goes with the planes."""
        del self._planes

    def read(self, bounds: Bounds, size: tuple[int, int]) -> NDArray[np.uint8]:
        """Return (height, width, channels) uint8, each channel scaled by its range; 0 outside the slide.

        Resampled by area to ``size`` = (width, height). Raises SlideError(``unreadable``) for damage.
        """
        columns, rows = size
        across, down = bounds.width / columns, bounds.height / rows
        left, right = _inside(bounds.x, across, columns, self.width)
        top, bottom = _inside(bounds.y, down, rows, self.height)
        out = np.zeros((rows, columns, len(self.channels)), np.uint8)
        if left >= right or top >= bottom:
            return out
        box = (
            max(0.0, bounds.x + left * across),
            max(0.0, bounds.y + top * down),
            min(float(self.width), bounds.x + right * across),
            min(float(self.height), bounds.y + bottom * down),
        )
        for number, channel in enumerate(self.channels):
            plane = self._planes.read(self.names.index(channel.name), box, (right - left, bottom - top))
            share = (plane.astype(np.float32) - channel.low) / (channel.high - channel.low)
            out[top:bottom, left:right, number] = np.rint(np.clip(share, 0, 1) * FULL)
        return out

    def read_squares(self, corners: NDArray[np.int64], side: int, pixels: int) -> NDArray[np.uint8]:
        """Return (n, pixels, pixels, channels) of squares (n, 2) of x, y, ``side`` wide; see ``read``."""
        out = np.empty((len(corners), pixels, pixels, len(self.channels)), np.uint8)
        for square, (x, y) in zip(out, corners, strict=True):
            square[:] = self.read(Bounds(int(x), int(y), side, side), (pixels, pixels))
        return out


def _inside(start: int, step: float, count: int, length: int) -> tuple[int, int]:
    """Return the first and last + 1 of ``count`` pixels, ``step`` apart, whose middle lies on the slide."""
    first = math.ceil(-start / step - 0.5)
    last = math.ceil((length - start) / step - 0.5)
    return max(0, first), min(count, last)


def try_channels(path: Path) -> ChannelReader | None:
    """Return a reader of a slide of several channels; None for any other file."""
    try:
        return ChannelReader(path)
    except (tifffile.TiffFileError, OSError, ValueError, LookupError, TypeError, struct.error):
        return None


def as_declared(reader: ChannelReader, channels: Sequence[Channel]) -> ChannelReader:
    """Return the reader with these channels; raises DataError(``other_channels``) unless it has them."""
    if sorted(reader.names) != sorted(channel.name for channel in channels):
        message = Sentence(
            "slide_other_channels",
            "{slide} has the channels {channels}; this model reads {wanted}. Use a slide with the same "
            "channels, or train a model on slides like this one.",
            slide=reader.path.name,
            channels=", ".join(reader.names),
            wanted=", ".join(channel.name for channel in channels),
        )
        raise DataError("other_channels", message)
    reader.channels = tuple(channels)
    return reader


def joined(found: Sequence[Sequence[Channel]]) -> tuple[Channel, ...]:
    """Return channels, in the order of the first, that span what those of the same names span together."""
    if not found:
        return ()
    return tuple(
        replace(
            channel,
            low=min(other.low for others in found for other in others if other.name == channel.name),
            high=max(other.high for others in found for other in others if other.name == channel.name),
        )
        for channel in found[0]
    )
