"""A multi-channel slide on the server: its planes, and the initial display of its channels."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from ml.slides.dicom.source import open_planes
from ml.slides.errors import SlideError
from ml.slides.tiff.interpretation import Interpretation
from server.slides.errors import UnreadableSlideError
from server.slides.tiles.channels import Channel, describe_channels

CHANNELS: Final = "channels"


class ChannelSource:
    """An open slide of several channels. Raises ValueError for any other file, SlideError for a bad one."""

    def __init__(
        self, path: Path, plane: int | None = None, interpretation: Interpretation | None = None
    ) -> None:
        self._planes = open_planes(path, plane, interpretation)
        self.sizes = self._planes.sizes
        self.tile_size = self._planes.tile_size
        self.format = self._planes.format
        self.count = self._planes.count

    def read(self, index: int, box: tuple[float, float, float, float], size: tuple[int, int]) -> NDArray[Any]:
        """See ``ChannelPlanes.read``; raises UnreadableSlideError where the file is damaged."""
        try:
            return self._planes.read(index, box, size)
        except SlideError as error:
            raise UnreadableSlideError(error.detail, code=error.code) from error

    def describe(self) -> tuple[Channel, ...]:
        """Return the channels, each with its range in an overview."""
        planes = self._planes
        return describe_channels(
            planes.names, planes.bits, planes.ranges(), colours=planes.colours, rgb=planes.rgb
        )
