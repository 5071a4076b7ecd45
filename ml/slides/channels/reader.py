"""Reader of slides of several channels, of fluorescence or near infrared, for methods that take them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Bounds, Channel, DataError
from ml.messages import Message
from ml.slides.dicom.source import open_planes
from ml.slides.levels import PixelFile
from ml.slides.tiff.interpretation import Interpretation

FULL = 255


class ChannelReader(PixelFile):
    """A slide of several channels, all of them read. Raises ValueError for a file that has no channels.

    ``channels`` may be set to those of a model: the same names in its order, with its ranges.
    """

    def __init__(self, path: Path, interpretation: Interpretation | None = None) -> None:
        self._planes = open_planes(path, interpretation=interpretation)
        self.path = path
        self.width, self.height = self._planes.sizes[0]
        self.names = tuple(self._planes.names)
        self._channels: tuple[Channel, ...] = ()

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Return the channels; unless set, the range of each is that of an overview."""
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

    def close(self) -> None:
        """Drop the planes, which own the file."""
        del self._planes

    def read_box(self, box: tuple[float, float, float, float], size: tuple[int, int]) -> NDArray[np.uint8]:
        """Return channels of a box (left, top, right, bottom) that may begin inside a pixel; see ``read``."""
        columns, rows = size
        across, down = (box[2] - box[0]) / columns, (box[3] - box[1]) / rows
        left, right = _inside(box[0], across, columns, self.width)
        top, bottom = _inside(box[1], down, rows, self.height)
        out = np.zeros((rows, columns, len(self.channels)), np.uint8)
        if left >= right or top >= bottom:
            return out
        part = (
            max(0.0, box[0] + left * across),
            max(0.0, box[1] + top * down),
            min(float(self.width), box[0] + right * across),
            min(float(self.height), box[1] + bottom * down),
        )
        for number, channel in enumerate(self.channels):
            plane = self._planes.read(self.names.index(channel.name), part, (right - left, bottom - top))
            share = (plane.astype(np.float32) - channel.low) / (channel.high - channel.low)
            out[top:bottom, left:right, number] = np.rint(np.clip(share, 0, 1) * FULL)
        return out

    def read_squares(self, corners: NDArray[np.int64], side: int, pixels: int) -> NDArray[np.uint8]:
        """Return (n, pixels, pixels, channels) of squares (n, 2) of x, y, ``side`` wide; see ``read``."""
        out = np.empty((len(corners), pixels, pixels, len(self.channels)), np.uint8)
        for square, (x, y) in zip(out, corners, strict=True):
            square[:] = self.read(Bounds(int(x), int(y), side, side), (pixels, pixels))
        return out


def _inside(start: float, step: float, count: int, length: int) -> tuple[int, int]:
    """Return the first and last + 1 of ``count`` pixels, ``step`` apart, with their centre on the slide."""
    first = math.ceil(-start / step - 0.5)
    last = math.ceil((length - start) / step - 0.5)
    return max(0, first), min(count, last)


def as_declared(reader: PixelFile, channels: Sequence[Channel]) -> PixelFile:
    """Return the reader with these channels; raises DataError(``other_channels``) where it lacks one."""
    if sorted(reader.names) != sorted(channel.name for channel in channels):
        message = Message(
            "slide_other_channels",
            slide=reader.path.name,
            channels=", ".join(reader.names),
            wanted=", ".join(channel.name for channel in channels),
        )
        raise DataError(message, code="other_channels")
    reader.channels = tuple(channels)
    return reader


def joined(groups: Sequence[Sequence[Channel]]) -> tuple[Channel, ...]:
    """Return the union of channels by name, in the order of the first, each with the joint range."""
    if not groups:
        return ()
    return tuple(
        replace(
            channel,
            low=min(other.low for others in groups for other in others if other.name == channel.name),
            high=max(other.high for others in groups for other in others if other.name == channel.name),
        )
        for channel in groups[0]
    )
