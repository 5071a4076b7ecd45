"""A multi-channel slide as the server shows it: its planes, and how its channels look at first."""

from __future__ import annotations

from typing import Any, Final

from numpy.typing import NDArray

from ml.slides.channel_planes import ChannelPlanes
from ml.slides.errors import SlideError
from server.slides.channels import Channel, describe_channels
from server.slides.sources import UnreadableSlideError

CHANNELS: Final = "channels"


class ChannelSource(ChannelPlanes):
    """An open multi-channel TIFF. Raises ValueError for any other file."""

    def read(self, index: int, box: tuple[float, float, float, float], size: tuple[int, int]) -> NDArray[Any]:
        """See ``ChannelPlanes.read``; raises UnreadableSlideError where the file is damaged."""
        try:
            return super().read(index, box, size)
        except SlideError as error:
            raise UnreadableSlideError(error.detail, code=error.code) from error

    def describe(self) -> tuple[Channel, ...]:
        """Return the channels, each with the range that an overview of it fills."""
        return describe_channels(self.names, self.bits, self.ranges(), rgb=self.rgb)
